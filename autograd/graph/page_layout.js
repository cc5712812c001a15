// Composing a picture: the inside of each module was laid out by itself; around an open one its parent is stretched.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 6;  // from a module's frame to where values enter and leave, above and below it
const SLACK = 20;  // from there to the first row
const REACH = 40;  // how far from its end a line gives way to a shift of this end

function draw(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);
const plus = (a, b) => ({ x: a.x + b.x, y: a.y + b.y });
const minus = (a, b) => ({ x: a.x - b.x, y: a.y - b.y });
const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const middle = (box) => ({ x: box.x + box.w / 2, y: box.y + box.h / 2 });
const corners = ({ x, y, w, h }) => [{ x, y }, { x: x + w, y: y + h }];
const within = (element, selector) => [...element.querySelectorAll(selector)];

function pairs(text) {  // the points that a path's or polygon's numbers mean
  const numbers = (text.match(/-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?/gi) ?? []).map(Number);
  return Array.from({ length: numbers.length >> 1 }, (_, i) => ({ x: numbers[2 * i], y: numbers[2 * i + 1] }));
}

function spanned(points) {
  const xs = points.map(({ x }) => x), ys = points.map(({ y }) => y);
  const x = Math.min(...xs), y = Math.min(...ys);
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}

function outline(group) {  // the box around the shapes of a node or cluster
  return spanned(within(group, "path, polygon, polyline, ellipse").flatMap((shape) => {
    if (shape.localName !== "ellipse") return pairs(shape.getAttribute("d") ?? shape.getAttribute("points"));
    const [x, y, rx, ry] = ["cx", "cy", "rx", "ry"].map((name) => Number(shape.getAttribute(name)));
    return corners({ x: x - rx, y: y - ry, w: 2 * rx, h: 2 * ry });
  }));
}

// ---- Reading -----------------------------------------------------------------------------------------------

// Turns the picture of a module's inside into numbers, once. It is mirrored where values would enter it crosswise;
// what is called native is as graphviz wrote it.
function read(part) {
  if (part.extent) return part;
  const graph = part.svg.querySelector(".graph"), [paper] = within(graph, ":scope > polygon");
  const boxes = (selector) =>
    new Map(within(graph, selector).map((element) => [element.id, { element, native: outline(element) }]));
  const nodes = boxes(".node:not(.enter, .leave)"), ports = boxes(".node:is(.enter, .leave)");
  const frame = boxes(".cluster").get(part.id), rows = [...nodes.values()].map(({ native }) => native);
  const { x, y: top, w, h: high } = frame?.native ?? spanned(pairs(paper.getAttribute("points")));
  const at = (id) => middle(ports.get(id).native);
  part.mirrored = crossed(part, at);
  const turned = (point) => (part.mirrored ? { x: -point.x, y: point.y } : point);
  const box = (native) => spanned(corners(native).map(turned));
  part.nodes = new Map([...nodes].map(([id, { element, native }]) => [id, { element, native, box: box(native) }]));
  part.frame = frame && { ...frame, box: box(frame.native) };
  part.ports = new Map([...ports].map(([id, { element }]) =>
    [id, turned({ x: at(id).x, y: element.matches(".enter") ? top - GAP : top + high + GAP })]));
  part.edges = within(graph, ".edge").filter(({ dataset }) => dataset.from).map((element) => {
    const { from, to } = element.dataset, native = pairs(within(element, "path")[0].getAttribute("d"));
    const points = native.map(turned), [enters, leaves] = [part.ports.get(from), part.ports.get(to)];
    if (enters) points.unshift(...straight(enters, points[0]));
    if (leaves) points.push(...straight(leaves, points.at(-1)).reverse());
    return { element, from, to, keys: own(part.flows, element.id) ?? [], native, points };
  });
  part.caption = within(graph, ":scope > :not(.node, .edge, .cluster)").filter((element) => element !== paper);
  part.native = { x, y: top, w, h: high };
  part.extent = { ...box(part.native), ...(frame ? { y: top - GAP, h: high + 2 * GAP } : {}) };
  part.slack = [...ports.keys()].map((id) => at(id).y).flatMap((y) => [  // between ports and what is next to them
    [y, Math.min(...rows.map((row) => row.y)), SLACK], [Math.max(...rows.map((row) => row.y + row.h)), y, SLACK],
  ]).filter(([from, to]) => from < to && Number.isFinite(to - from));
  return part;
}

// The points of a line from `a` to `b`, but for `b`.
const straight = (a, b) => [0, 1 / 3, 2 / 3].map((t) => ({ x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t }));

// Where values meet a module's closed box, and where its port for them is; `at` is a port's place.
function meetings(part, at) {
  const met = (side, end, name) => (parts.get(part.parent)?.edges ?? []).filter((edge) => edge[side] === part.id)
    .flatMap(({ points, keys }) => keys.map((key) => `${name}.${part.id}.${key}`)
      .map((port) => ({ port, outside: points.at(end).x, inside: at(port).x })));
  return { entering: met("to", -1, "in"), leaving: met("from", 0, "out") };
}

function crossed(part, at) {
  const order = meetings(part, at).entering;
  const turn = (a, b) => Math.sign(b.inside - a.inside) * Math.sign(b.outside - a.outside);
  return order.flatMap((a, i) => order.slice(i + 1).map((b) => turn(a, b))).reduce((sum, one) => sum + one, 0) < 0;
}

// ---- Making room -------------------------------------------------------------------------------------------

// A monotone map of a coordinate under which each interval [from, to, length] in `least` has at least its length,
// and each in `most` at most.
function stretch(least, most = []) {
  const marks = [...new Set([...least, ...most].flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
  const lengths = marks.slice(1).map((mark, i) => mark - marks[i]);
  const scale = ([from, to, length], due) => {
    const [i, j] = [marks.indexOf(from), marks.indexOf(to)];
    const now = lengths.slice(i, j).reduce((sum, one) => sum + one, 0);
    if (due(now, length)) for (let k = i; k < j; k += 1) lengths[k] *= length / now;
  };
  for (const interval of most) scale(interval, (now, length) => now > length);
  for (const interval of least) scale(interval, (now, length) => now < length);
  const places = lengths.reduce((sums, length) => [...sums, sums.at(-1) + length], [marks[0]]);
  return (value) => {
    const i = marks.findIndex((mark) => value < mark), last = marks.length - 1;
    if (i === 0 || last < 0) return value;
    if (i < 0) return value - marks[last] + places[last];
    return places[i - 1] + ((value - marks[i - 1]) * lengths[i - 1]) / (marks[i] - marks[i - 1]);
  };
}

// The picture of `part` with those modules open that are in `open`: its size, and the map of its points that makes
// room for them.
function arrange(part, open) {
  const { nodes, extent, slack } = read(part), across = [], down = [];
  const inner = new Map([...nodes.keys()].filter((id) => open.has(id)).map((id) => [id, arrange(parts.get(id), open)]));
  for (const [id, child] of inner) {
    const { x, y, w, h } = nodes.get(id).box;
    const { entering, leaving } = meetings(child.part, (port) => child.map(child.part.ports.get(port)));
    const newest = [...child.part.ports.keys()].filter((port) => port.startsWith("in.")).at(-1);
    child.fixed = entering.find(({ port }) => port === newest) ?? { outside: x + w / 2, inside: child.w / 2 };
    const ways = [[...entering, ...leaving], entering, [child.fixed]].map((met) =>
      [{ outside: x, inside: 0 }, ...met, { outside: x + w, inside: child.w }].sort((a, b) => a.outside - b.outside));
    const rises = (one, i, all) => i === 0 || (one.outside > all[i - 1].outside && one.inside > all[i - 1].inside);
    const stops = ways.find((way) => way.every(rises)) ?? ways.at(-1);  // as many lines as can be go straight on
    stops.slice(1).forEach((stop, i) => across.push([stops[i].outside, stop.outside, stop.inside - stops[i].inside]));
    down.push([y, y + h, child.h]);
  }
  const X = stretch(across.filter(([from, to]) => from < to)), Y = stretch(down, slack);
  const map = ({ x, y }) => ({ x: X(x) - X(extent.x), y: Y(y) - Y(extent.y) });
  const { x: w, y: h } = map(corners(extent)[1]);
  return { part, inner, map, w, h };
}

// ---- Putting it together -----------------------------------------------------------------------------------

// Adds what is to be drawn of an arranged picture, its corner at `corner`, to `scene`.
function put(scene, picture, corner = { x: 0, y: 0 }) {
  const { part, inner, map, w, h } = picture, to = (point) => plus(map(point), corner);
  for (const [id, point] of part.ports) scene.ports.set(id, to(point));
  if (part.frame) scene.frames.push(framed(part.frame, to));
  for (const [id, child] of inner) {
    const [above, below] = corners(part.nodes.get(id).box).map((point) => to(point).y);
    const left = to({ x: child.fixed.outside, y: 0 }).x - child.fixed.inside;
    put(scene, child, { x: left, y: above + (below - above - child.h) / 2 });
  }
  for (const [id, { element, native, box }] of part.nodes) {
    if (!inner.has(id)) scene.nodes.push(carried(element.cloneNode(true), middle(native), to(middle(box))));
  }
  for (const edge of part.edges) scene.edges.push(routed(scene.ports, edge, picture, to));
  for (const element of part.caption) {
    const end = { x: middle(part.native).x, y: part.native.y + part.native.h };
    scene.caption.push(carried(element.cloneNode(true), end, plus(corner, { x: w / 2, y: h })));
  }
  return scene;
}

function carried(element, from, to, mirrored = false) {
  const by = ({ x, y }) => `translate(${x.toFixed(2)} ${y.toFixed(2)})`;
  const transform = mirrored ? `${by(to)} scale(-1 1) ${by(minus({ x: 0, y: 0 }, from))}` : by(minus(to, from));
  return draw("g", { transform }, element);
}

function framed({ element, native, box }, to) {
  const frame = element.cloneNode(true), [shape] = within(frame, "path, polygon");
  const now = spanned(corners(box).map(to));
  const rectangle = draw("rect", { x: now.x, y: now.y, width: now.w, height: now.h, rx: 10 });
  for (const name of ["fill", "stroke", "stroke-width"]) {
    if (shape.hasAttribute(name)) rectangle.setAttribute(name, shape.getAttribute(name));
  }
  frame.replaceChildren(rectangle, carried(draw("g", {}, ...within(frame, "text")), native, now));
  return frame;
}

// An arrow: a line for each value that ends at a port of an open module, else one. Ends keep to their boxes.
function routed(ports, { element, from, to, keys, native, points }, { part, inner }, map) {
  const edge = element.cloneNode(true), [path] = within(edge, "path");
  const open = { from: inner.has(from), to: inner.has(to) };
  const ends = (key) => ({ from: open.from ? `out.${from}.${key}` : from, to: open.to ? `in.${to}.${key}` : to });
  const place = (id, point) => {
    if (ports.has(id)) return ports.get(id);
    const center = middle(part.nodes.get(id).box);
    return plus(map(center), minus(point, center));
  };
  const all = (open.from || open.to ? keys : [null]).map(ends);
  const lines = all.map((end) => bent(points.map(map), place(end.from, points[0]), place(end.to, points.at(-1)), open));
  const [line] = lines;
  path.replaceWith(...lines.map((one) => {
    const copy = path.cloneNode(true), [start, ...rest] = one.map(({ x, y }) => `${x.toFixed(2)},${y.toFixed(2)}`);
    copy.setAttribute("d", `M${start}C${rest.join(" ")}`);
    return copy;
  }));
  for (const tip of within(edge, "polygon")) {
    const at = middle(spanned(pairs(tip.getAttribute("points"))));
    const end = far(at, native[0]) < far(at, native.at(-1)) ? 0 : -1;
    if (end === 0 ? open.from : open.to) tip.remove();
    else tip.replaceWith(carried(tip.cloneNode(), native.at(end), line.at(end), part.mirrored));
  }
  for (const text of within(edge, "text")) {  // a label goes with the part of the line that is nearest to it
    const at = { x: Number(text.getAttribute("x")), y: Number(text.getAttribute("y")) };
    const [before, after] = [native, line].map(along), distances = before.map((point) => far(point, at));
    const nearest = distances.indexOf(Math.min(...distances));
    text.replaceWith(carried(text.cloneNode(true), before[nearest], after[nearest]));
  }
  edge.dataset.from = [...new Set(all.map((end) => end.from))].join(" ");
  edge.dataset.to = [...new Set(all.map((end) => end.to))].join(" ");
  return edge;
}

// A line with its ends moved, and less what is near to them; it meets an open module's port upright.
function bent(points, start, end, open) {
  const last = points.length - 1, ends = [points[0], points[last]], by = [minus(start, ends[0]), minus(end, ends[1])];
  const line = points.map((point, i) => {
    const near = ends.map((one) => Math.max(0, 1 - Math.abs(point.y - one.y) / REACH));
    const share = i < 2 ? [1, 0] : i > last - 2 ? [0, 1] : near;
    return plus(point, { x: by[0].x * share[0] + by[1].x * share[1], y: by[0].y * share[0] + by[1].y * share[1] });
  });
  if (open.from) line[1] = { x: start.x, y: start.y + Math.max(8, (line[3].y - start.y) / 2) };
  if (open.to) line[last - 1] = { x: end.x, y: end.y - Math.max(8, (end.y - line[last - 3].y) / 2) };
  return line;
}

function along(line) {  // points on a line of cubic curves, at the same places of each
  const found = [];
  for (let i = 0; i + 3 < line.length; i += 3) {
    for (let t = 0; t < 1; t += 1 / 16) {
      const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
      const sum = (axis) => weights.reduce((total, weight, k) => total + weight * line[i + k][axis], 0);
      found.push({ x: sum("x"), y: sum("y") });
    }
  }
  return found;
}
