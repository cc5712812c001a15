// The states: drawing one, going from one to the next, and searching through all.

// ---- States ------------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
function draw(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const linesOf = (element) =>
  [...element.querySelectorAll("text")].map((text) => text.textContent.trim()).filter(Boolean);
const factsOf = (id) => Object.entries(own(details, id) ?? {});
const target = (state, id) => own(state.opens, id) ?? own(state.closes, id);

// In `next`, the element that stands for the module `id` of `state`: its box for its cluster, and the reverse.
function counterpart(state, id, next) {
  if (textsOf(next).has(id)) return id;
  const back = target(state, id) === next.key ? [next.closes, next.opens] : [];
  const same = back.flatMap((table) => Object.keys(table).filter((other) => table[other] === state.key));
  return same[0] ?? id;
}

function pathTo(found, start, ways) {  // the states on the shortest way from `start` to one that is `found`
  const queue = [[start]], seen = new Set([start]);
  for (const path of queue) {
    if (found(path.at(-1))) return path;
    for (const next of ways(path.at(-1)).map((key) => byKey.get(key))) {
      if (!seen.has(next)) queue.push([...path, next]);
      seen.add(next);
    }
  }
}

function load(state) {
  current = state;
  svg = document.importNode(state.svg, true);
  const [x, y, w, h] = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  bounds = { x, y, w, h };
  for (const name of ["viewBox", "width", "height"]) svg.removeAttribute(name);
  camera = draw("g", {}, ...svg.childNodes);
  svg.append(camera);
  stage.replaceChildren(svg);
  place({ x: 0, y: 0, k: 1 });  // in which the screen's units are the graph's
  const corner = stage.getBoundingClientRect();
  items = new Map();
  for (const element of svg.querySelectorAll(".node, .edge, .cluster")) {
    const rect = element.getBoundingClientRect();
    const box = { x: rect.x - corner.x, y: rect.y - corner.y, w: rect.width, h: rect.height };
    items.set(element.id, { id: element.id, element, kind: element.classList[0], box });
  }
  for (const item of items.values()) dress(item);
}

function dress({ id, element, kind }) {  // what graphviz did not draw: role, name, badge
  element.setAttribute("aria-label", linesOf(element).join(", ") || kind);
  if (kind === "edge") {
    const line = element.querySelector("path");
    if (line) element.prepend(draw("path", { d: line.getAttribute("d"), class: "reach" }));
    return;
  }
  const opens = own(current.opens, id) !== undefined;
  const module = target(current, id) !== undefined;
  element.setAttribute("aria-description", factsOf(id).map(([name, value]) => `${name}: ${value}`).join("; "));
  element.setAttribute("role", module ? "button" : "img");
  if (kind === "node" || module) element.setAttribute("tabindex", "-1");
  if (!module) return;
  element.classList.add("foldable");
  element.setAttribute("aria-expanded", String(!opens));
  const box = element.getBBox();
  element.append(draw("g", { class: "badge", transform: `translate(${box.x + box.width - 2} ${box.y + 2})` },
    draw("circle", { r: 7 }), draw("path", { d: opens ? "M-3.5 0h7M0 -3.5v7" : "M-3.5 0h7" })));
}

let lent;  // the zoom to return to when the module that was opened last is closed again

// `id` is the module that was opened or closed; it stays where it was on the screen, at `grip` (0 to 1) of its width.
function show(next, id, grip = 0.5) {
  const before = new Map([...items].map(([key, item]) => [key, { ...toScreen(item.box), kind: item.kind }]));
  const old = { state: current, view, hadFocus: stage.contains(document.activeElement) };
  const there = current && counterpart(current, id, next);
  document.getAnimations().forEach((animation) => animation.cancel());
  cancelAnimationFrame(tween);
  pinned = null;
  point(null);
  load(next);
  const anchor = items.get(there), from = before.get(id);
  if (anchor && from) {
    place(kept(anchor, from, grip, old, next));
    before.set(there, from);
    morph(before, from, old.view.k);
    if (old.hadFocus) focusOn(anchor);
  } else {
    follow = firstView;
    place(follow());
  }
  rove(anchor ?? reading()[0]);
  breadcrumb();
  mark();
  if (!old.state) return;
  ui("status").textContent = next.title;
  if (addressed() !== next) location.hash = encodeURIComponent(next.key);
}

function kept(anchor, from, grip, old, next) {  // the view in which the module's upper edge stands where it stood
  let k = old.view.k;
  const room = framed(anchor.box, 6).k;
  if (lent?.key === next.key && lent.now === k) k = lent.was;
  else if (room < k) k = Math.max(room, Math.min(k, 0.4));
  lent = { key: old.state.key, was: old.view.k, now: k };
  const { w, h } = size(), { box } = anchor;
  const at = { x: clamp(from.x + grip * from.w, 0, w), y: clamp(from.y, 0, h) };
  follow = null;
  return nudge(box, filled({ k, x: at.x - (box.x + grip * box.w) * k, y: at.y - box.y * k }));
}

function morph(before, origin, k) {  // everything moves from where it was; what is new grows out of the module
  if (still.matches) return;
  const timing = { duration: 380, easing: "cubic-bezier(.3, 0, .1, 1)", fill: "backwards" };
  for (const { id, element, kind, box } of items.values()) {
    if (kind === "edge") {
      element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 200, delay: 300, fill: "backwards" });
      continue;
    }
    const known = before.get(id), was = known ?? origin, now = toScreen(box);
    const dx = (middle(was).x - middle(now).x) / view.k, dy = (middle(was).y - middle(now).y) / view.k;
    const sx = known ? was.w / now.w : 0.3, sy = known ? was.h / now.h : 0.3;
    element.style.transformBox = "fill-box";
    element.style.transformOrigin = "center";
    element.animate([
      { transform: `translate(${dx}px, ${dy}px) scale(${sx}, ${sy})`, opacity: known ? 1 : 0 },
      { transform: "none", opacity: 1 },
    ], timing);
  }
}

function toggle(id, grip) {
  const key = target(current, id);
  if (key !== undefined) show(byKey.get(key), id, grip);
}

function breadcrumb() {
  const path = pathTo((state) => state === current, states[0], (state) => Object.values(state.opens));
  ui("trail").replaceChildren(...(path ?? [states[0], current]).map((state) => {
    const crumb = document.createElement("button");
    crumb.type = "button";
    crumb.textContent = state.title;
    if (state === current) crumb.setAttribute("aria-current", "page");
    else crumb.onclick = () => show(state, leading(state));
    return crumb;
  }));
  ui("trail").scrollLeft = 1e6;
}

// The module whose click leads to `state`, if one click does.
const leading = (state) =>
  Object.keys({ ...current.opens, ...current.closes }).find((id) => target(current, id) === state.key);

function addressed() {  // the state that the page's address names
  return states.find((state) => location.hash === `#${encodeURIComponent(state.key)}`) ?? states[0];
}
window.addEventListener("hashchange", () => addressed() !== current && show(addressed(), leading(addressed())));

// ---- Search ------------------------------------------------------------------------------------------------

let matches = [], chosen = -1;  // ids, those on the screen first; the one that Enter went to

const twins = new Map();  // module id -> ids that stand for it in states where it is open or closed
for (const state of states) {
  for (const [id, key] of [...Object.entries(state.opens), ...Object.entries(state.closes)]) {
    twins.set(id, (twins.get(id) ?? new Set()).add(counterpart(state, id, byKey.get(key))));
  }
}

function textsOf(state) {  // id -> what the search looks through
  const text = (element) => [...linesOf(element), ...factsOf(element.id).flat()].join("\n").toLowerCase();
  state.texts ??= new Map([...state.svg.querySelectorAll(".node, .edge, .cluster")].map((e) => [e.id, text(e)]));
  return state.texts;
}

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (state) => [...textsOf(state)].filter(([, text]) => words.every((word) => text.includes(word)));
  const position = ([id]) => items.get(id).box;
  const all = new Set();
  if (words.length) {
    const here = found(current).sort((a, b) => position(a).y - position(b).y || position(a).x - position(b).x);
    const seen = (id) => items.has(id) || all.has(id);
    const shown = (id) => seen(id) || [...(twins.get(id) ?? [])].some(seen);
    here.forEach(([id]) => all.add(id));
    for (const state of states) for (const [id] of found(state)) if (!shown(id)) all.add(id);
  }
  matches = [...all];
  chosen = -1;
  mark();
}

function mark() {
  for (const { id, element } of items.values()) {
    element.classList.toggle("match", matches.includes(id));
    element.classList.toggle("chosen", id === matches[chosen]);
  }
  const total = matches.length || (field.value.trim() ? "none" : "");
  ui("count").textContent = chosen < 0 ? total : `${chosen + 1} of ${total}`;
}

function go(step) {  // to the next match, through the state that shows it
  if (!matches.length) return;
  chosen = chosen < 0 && step < 0 ? matches.length - 1 : (chosen + step + matches.length) % matches.length;
  const id = matches[chosen], has = (state) => textsOf(state).has(id);
  const ways = (state) => [...Object.values(state.opens), ...Object.values(state.closes)];
  const path = pathTo(has, current, ways) ?? [current, states.find(has)];
  if (path.length > 1) show(path.at(-1), leading(path[1]));
  mark();
  const { box, element } = items.get(id), k = Math.min(Math.max(view.k, 0.8), framed(box, 6).k);
  follow = null;
  glide({ k, x: size().w / 2 - middle(box).x * k, y: size().h / 2 - middle(box).y * k });
  ui("status").textContent = linesOf(element).join(", ");
}

field.addEventListener("input", search);
field.addEventListener("keydown", (event) => event.key === "Enter" && go(event.shiftKey ? -1 : 1));
