// Copies a text. The clipboard is closed to pages that are not served securely; there the text
// is shown, selected, so that it can be copied by hand.

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lm-Widget jupyter-widgets jupyter-button widget-button gfl-copy";
  button.style.width = "auto";
  button.title = model.get("title");
  button.textContent = model.get("label");
  const area = document.createElement("textarea");
  area.readOnly = true;
  area.hidden = true;
  area.rows = 8;
  area.className = "gfl-code";
  area.setAttribute("aria-label", model.get("title"));
  el.append(button, area);

  let back = null;
  button.addEventListener("click", async () => {
    const text = model.get("text");
    const done = await copied(text);
    area.hidden = done;
    if (!done) {
      area.value = text;
      area.focus();
      area.select();
    }
    button.textContent = done ? "copied ✓" : "press Ctrl+C";
    clearTimeout(back);
    back = setTimeout(() => (button.textContent = model.get("label")), 2000);
  });
  area.addEventListener("keydown", (event) => {
    event.stopPropagation(); // keys are shortcuts of the notebook
    if (event.key === "Escape") area.hidden = true;
  });
  return () => clearTimeout(back);
}

export default { render };
