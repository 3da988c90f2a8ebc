// Saves a file that the kernel sends in parts, each when it is asked for.

function save(name, parts) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function initialize({ model }) {
  let file = {};
  const take = ({ number, name, start, size }, [part]) => {
    if (start === 0) file = { number, parts: [], next: 0 };
    if (number !== file.number || start !== file.next) return; // came twice
    file.parts.push(part);
    file.next += part.byteLength;
    if (file.next < size) model.send({ number, start: file.next });
    else save(name, file.parts.splice(0));
  };
  model.on("msg:custom", take);
  return () => model.off("msg:custom", take);
}

export default { initialize };
