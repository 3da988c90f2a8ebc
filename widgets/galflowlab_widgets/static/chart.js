// Panels side by side with axes, and in each an image, lines, or both.

const EDGE = { left: 62, right: 20, top: 10, bottom: 42 };
const NARROWEST_PANEL = 200;
const WIDEST_PANEL = 420;

// Okabe and Ito's colours, which most people can tell apart; the pale ones are darker on white
// and the dark ones paler on black, so that each stands out from the paper by 3 : 1 or more.
const LINE_COLOURS = {
  light: ["#0072b2", "#d55e00", "#008a64", "#b35c8f", "#a87400", "#2d84b8", "#4d4d4d"],
  dark: ["#56b4e9", "#f08a3c", "#2fc59a", "#e39ac4", "#f0b429", "#f0e442", "#cccccc"],
};

class ChartPainter extends Painter {
  // Runs of points between gaps, in places on the screen.
  runs(points, box) {
    const runs = [[]];
    const up = (f) => box.y + (1 - f) * box.height;
    for (const point of points) {
      if (point === null || point.some((part) => part === null)) runs.push([]);
      else {
        const [fx, ...rest] = point;
        runs.at(-1).push([box.x + fx * box.width, ...rest.map(up)]);
      }
    }
    return runs.filter((run) => run.length);
  }

  stroke(line, box, colour = this.colourOf(line), width = 2) {
    const c = this.context;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.lineJoin = "round";
    c.setLineDash(line.dash ? [6, 4] : []);
    for (const run of this.runs(line.points, box)) {
      c.beginPath();
      run.forEach(([x, y]) => c.lineTo(x, y));
      if (run.length === 1) c.lineTo(run[0][0] + 0.1, run[0][1]); // a lone point is a dot
      c.lineCap = run.length === 1 ? "round" : "butt";
      c.stroke();
    }
    c.setLineDash([]);
  }

  band(line, box) {
    const c = this.context;
    c.fillStyle = this.colourOf(line);
    c.globalAlpha = this.colours.dark ? 0.28 : 0.2;
    for (const run of this.runs(line.band ?? [], box)) {
      c.beginPath();
      run.forEach(([x, low]) => c.lineTo(x, low));
      run.toReversed().forEach(([x, , high]) => c.lineTo(x, high));
      c.fill();
    }
    c.globalAlpha = 1;
  }

  colourOf({ colour = 0 }) {
    const colours = LINE_COLOURS[this.colours.dark ? "dark" : "light"];
    return colours[colour % colours.length];
  }

  // In the corner that hides least of the lines; the upper right one if they are equal.
  legend(lines, box) {
    const named = lines.filter((line) => line.label);
    if (!named.length) return;
    const widest = Math.max(...named.map(({ label }) => this.extent(label, SMALL)));
    const width = Math.min(widest + 40, box.width - 12);
    const height = 15 * named.length + 6;
    const corners = [
      [box.x + box.width - width - 6, box.y + 6],
      [box.x + 6, box.y + 6],
      [box.x + box.width - width - 6, box.y + box.height - height - 6],
      [box.x + 6, box.y + box.height - height - 6],
    ];
    const points = lines.flatMap((line) => this.runs(line.points, box).flat());
    const hidden = ([x, y]) =>
      points.filter(([px, py]) => px > x && px < x + width && py > y && py < y + height).length;
    const costs = corners.map(hidden);
    const [x, y] = corners[costs.indexOf(Math.min(...costs))];

    const c = this.context;
    c.globalAlpha = 0.85;
    c.fillStyle = this.colours.paper;
    c.fillRect(x, y, width, height);
    c.globalAlpha = 1;
    named.forEach((line, i) => {
      const middle = y + 10.5 + 15 * i;
      const sample = { x: x + 6, y: middle, width: 20, height: 0 };
      this.stroke({ ...line, points: [[0, 0], [1, 0]] }, sample);
      this.text(line.label, x + 32, middle, { align: "left", size: SMALL, room: width - 38 });
    });
  }

  axes(panel, box) {
    this.frame(box.x, box.y, box.width, box.height);
    this.ticksBelow(panel.x.ticks, box);
    this.ticksLeft(panel.y.ticks, box, EDGE.left - 26);
    const below = box.y + box.height + 34;
    this.text(panel.x.label, box.x + box.width / 2, below, { room: box.width + 24 });
    const options = { turn: -Math.PI / 2, room: box.height + 20 };
    this.text(panel.y.label, box.x - EDGE.left + 10, box.y + box.height / 2, options);
  }
}

// Places of the panels: as many in a line as have room, nothing but the width decides.
function arranged(figure, available) {
  const most = Math.max(1, Math.floor(available / NARROWEST_PANEL));
  const columns = Math.min(figure.panels.length, most);
  const each = Math.min(WIDEST_PANEL, Math.floor(available / columns));
  const boxes = figure.panels.map((_, i) => ({
    x: (i % columns) * each + EDGE.left,
    y: Math.floor(i / columns) * figure.height + EDGE.top,
    width: each - EDGE.left - EDGE.right,
    height: figure.height - EDGE.top - EDGE.bottom,
  }));
  const lines = Math.ceil(figure.panels.length / columns);
  return { boxes, width: each * columns, height: lines * figure.height };
}

function draw(model, canvas, available) {
  const figure = model.get("figure");
  if (!figure?.panels?.length) return false;
  const { boxes, width, height } = arranged(figure, available);
  const painter = prepare(canvas, width, height, ChartPainter);
  const tables = colourTables(model.get("palettes"));
  const levels = bytes(model.get("pixels"));
  figure.panels.forEach((panel, i) => {
    const box = boxes[i];
    const lines = panel.lines ?? [];
    painter.inside(box, () => {
      const image = panel.image;
      const end = image && image.offset + image.width * image.height;
      if (image && end <= levels.length) {
        const part = levels.subarray(image.offset, end);
        const source = bitmap(part, tables(image.palette), image.width, image.height);
        painter.context.imageSmoothingEnabled = false;
        painter.context.drawImage(source, box.x, box.y, box.width, box.height);
      }
      for (const line of lines) painter.band(line, box);
      for (const line of lines) {
        if (image) painter.stroke(line, box, painter.colours.paper, 5); // or it is lost in it
        painter.stroke(line, box);
      }
      painter.legend(lines, box);
    });
    painter.axes(panel, box);
  });
  canvas.setAttribute("aria-label", model.get("alt"));
  return true;
}

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  el.append(canvas);
  let available = 0;
  let drawn = 0;
  const update = () => {
    if (available > 0 && draw(model, canvas, available)) canvas.dataset.frame = ++drawn;
  };
  const stop = watch(el, (width) => {
    available = width;
    update();
  });
  model.on("change", update); // once per message, however many traits it carries
  return () => {
    model.off("change", update);
    stop();
  };
}

export default { render };
