// The page's elements and data, and the camera. One block with the other scripts.

const ui = (name) => document.querySelector(`[data-ui="${name}"]`);
const stage = ui("stage"), card = ui("card"), field = ui("search");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const { insides, details, opened, fits } = JSON.parse(ui("data").textContent);
document.querySelectorAll("body > template").forEach((template, i) => {
  insides[i].svg = template.content.querySelector("svg");
});
const parts = new Map(insides.map((part) => [part.id, part])), root = insides[0];

let open;  // ids of the modules that are open, wherever they are
let items = new Map();  // id -> { id, element, kind, box } of all that is shown; boxes in the graph's units
let svg, camera, bounds;
let view = { x: 0, y: 0, k: 1 };  // screen = graph * k + (x, y)
let follow = null;  // gives the view to return to when the window changes its size, until the reader moves

// ---- Camera ------------------------------------------------------------------------------------------------

const size = () => ({ w: stage.clientWidth, h: stage.clientHeight });
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const READABLE = 0.82;  // of the size that graphviz gave the letters: 9 px
const toScreen = ({ x, y, w, h }, { k } = view) => ({ x: x * k + view.x, y: y * k + view.y, w: w * k, h: h * k });
const free = () => ({ left: 24, top: ui("trail").closest("header").offsetHeight + 26, right: 24, bottom: 58 });

function place(next) {
  view = next;
  camera.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
}

let tween = 0;
function glide(next) {
  cancelAnimationFrame(tween);
  if (still.matches) return place(next);
  const from = view, start = performance.now();
  const step = (now) => {
    const t = clamp((now - start) / 260, 0, 1), s = 1 - (1 - t) ** 3;
    const k = from.k * (next.k / from.k) ** s;
    const part = next.k === from.k ? s : (k - from.k) / (next.k - from.k);  // zooms around one fixed point
    place({ k, x: from.x + (next.x - from.x) * part, y: from.y + (next.y - from.y) * part });
    if (t < 1) tween = requestAnimationFrame(step);
  };
  tween = requestAnimationFrame(step);
}

function filling(box, most = 1.5, edge = free()) {  // the view in which `box` fills the free part of the stage
  const w = size().w - edge.left - edge.right, h = size().h - edge.top - edge.bottom;
  const k = Math.min(w / box.w, h / box.h, most);
  const c = middle(box);
  return { k, x: edge.left + w / 2 - c.x * k, y: edge.top + h / 2 - c.y * k };
}

function firstView() {  // all of it if that can be read, else its upper end
  const all = filling(bounds), edge = free();
  if (all.k >= READABLE) return all;
  const k = clamp((size().w - edge.left - edge.right) / bounds.w, READABLE, 4 / 3);
  return { k, x: size().w / 2 - middle(bounds).x * k, y: edge.top - bounds.y * k };
}

function zoom(factor, x = size().w / 2, y = size().h / 2, move = place) {
  const least = Math.min(filling(bounds).k / 2, 0.5);
  const k = clamp(view.k * factor, least, 6);
  follow = null;
  move({ k, x: x - ((x - view.x) * k) / view.k, y: y - ((y - view.y) * k) / view.k });
}

function fit() {
  follow = () => filling(bounds);
  glide(follow());
}

function pan(dx, dy, move = place) {
  follow = null;
  move({ ...view, x: view.x + dx, y: view.y + dy });
}

// The view `at`, moved by what `shift` says of each axis: where the box is, and the room.
function moved(at, box, shift) {
  const edge = free(), { w, h } = size();
  return {
    k: at.k,
    x: at.x + shift(box.x * at.k + at.x, box.w * at.k, edge.left, w - edge.right),
    y: at.y + shift(box.y * at.k + at.y, box.h * at.k, edge.top, h - edge.bottom),
  };
}

// The smallest move that brings `box` onto the stage.
const nudge = (box, at = view) => moved(at, box, (low, length, from, to) =>
  length > to - from || low < from ? from - low : Math.min(0, to - low - length));

// The move that is due where more than a third of the stage would be empty with more to see beyond the other end.
const filled = (at) => moved(at, bounds, (low, length, from, to) => {
  const gap = (to - from) / 3, before = low - from - gap, after = to - gap - low - length;
  if (before > 0) return -Math.min(before, Math.max(0, low + length - to));
  return after > 0 ? Math.min(after, Math.max(0, from - low)) : 0;
});
