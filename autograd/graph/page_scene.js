// The picture on the stage: drawing it, opening and closing modules in it.

const linesOf = (element) =>
  [...element.querySelectorAll("text")].map((text) => text.textContent.trim()).filter(Boolean);
const factsOf = (id) => Object.entries(own(details, id) ?? {});
const isModule = (id) => parts.has(id) && id !== root.id;
const isOpen = (id) => items.get(id)?.kind === "cluster";

function* upwards(id) {  // a module and those around it
  for (let part = parts.get(id); part && part !== root; part = parts.get(part.parent)) yield part;
}

// ---- Drawing -----------------------------------------------------------------------------------------------

function load() {  // draws what `open` says
  const picture = arrange(root, open);
  const scene = put({ frames: [], nodes: [], edges: [], caption: [], ports: new Map() }, picture);
  bounds = { x: 0, y: 0, w: picture.w, h: picture.h };
  const { id } = root.svg.querySelector(".graph");
  camera = draw("g", { class: "graph", id }, ...scene.frames, ...scene.edges, ...scene.nodes, ...scene.caption);
  svg = draw("svg", { role: "group" }, camera);
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
    for (const line of within(element, "path")) {
      element.prepend(draw("path", { d: line.getAttribute("d"), class: "reach" }));
    }
    return;
  }
  element.setAttribute("aria-description", factsOf(id).map(([name, value]) => `${name}: ${value}`).join("; "));
  element.setAttribute("role", isModule(id) ? "button" : "img");
  if (kind === "node" || isModule(id)) element.setAttribute("tabindex", "-1");
  if (!isModule(id)) return;
  element.classList.add("foldable");
  element.setAttribute("aria-expanded", String(isOpen(id)));
  const box = element.getBBox();
  element.append(draw("g", { class: "badge", transform: `translate(${box.x + box.width - 2} ${box.y + 2})` },
    draw("circle", { r: 7 }), draw("path", { d: isOpen(id) ? "M-3.5 0h7" : "M-3.5 0h7M0 -3.5v7" })));
}

// ---- Opening and closing -----------------------------------------------------------------------------------

let lent;  // the zoom to return to when the module that was opened last is closed again
let latest = root.id;  // the module that was opened or closed last

function toggle(id, grip) {
  if (!isModule(id)) return;
  const next = new Set(open);
  if (!next.delete(id)) next.add(id);
  show(next, id, grip);
}

// `id` is the module to look at; it stays where it was on the screen, at `grip` (0 to 1) of its width.
function show(next, id, grip = 0.5) {
  const before = new Map([...items].map(([key, item]) => [key, toScreen(item.box)]));
  const old = { view, started: Boolean(open), hadFocus: stage.contains(document.activeElement) };
  document.getAnimations().forEach((animation) => animation.cancel());
  cancelAnimationFrame(tween);
  pinned = null;
  point(null);
  open = next;
  load();
  const anchor = items.get(id), from = before.get(id);
  if (anchor && from) {
    place(kept(anchor, from, grip, old.view));
    morph(before, from);
    if (old.hadFocus) focusOn(anchor);
  } else {
    follow = firstView;
    place(follow());
  }
  rove(anchor ?? reading()[0]);
  if (anchor) latest = id;
  breadcrumb();
  mark();
  if (!old.started) return;
  ui("status").textContent = anchor ? `${parts.get(id).title} ${isOpen(id) ? "open" : "closed"}` : "";
  if (differing(addressed()).length) location.hash = [...open].map(encodeURIComponent).join("+") || "+";
}

function kept(anchor, from, grip, was) {  // the view in which the module's upper edge stands where it stood
  let { k } = was;
  const room = filling(anchor.box, 6).k, opening = isOpen(anchor.id);
  if (!opening && lent?.id === anchor.id && lent.now === k) k = lent.was;
  else if (room < k) k = Math.max(room, Math.min(k, 0.4));
  lent = opening ? { id: anchor.id, was: was.k, now: k } : null;
  const { w, h } = size(), { box } = anchor;
  const at = { x: clamp(from.x + grip * from.w, 0, w), y: clamp(from.y, 0, h) };
  follow = null;
  return nudge(box, filled({ k, x: at.x - (box.x + grip * box.w) * k, y: at.y - box.y * k }));
}

function morph(before, origin) {  // everything moves from where it was; what is new grows out of the module
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

function breadcrumb() {  // the module that was opened or closed last, and those around it: a click shows one whole
  const path = [...upwards(latest)].filter(({ id }) => items.has(id)).reverse();
  ui("trail").replaceChildren(...[root, ...path].map((part) => {
    const crumb = document.createElement("button");
    crumb.type = "button";
    crumb.textContent = part.title;
    if (part.id === latest) crumb.setAttribute("aria-current", "location");
    crumb.onclick = () => look(part.id);
    return crumb;
  }));
  ui("trail").scrollLeft = 1e6;
}

function look(id) {
  const item = items.get(id);
  if (!item) return fit();
  follow = null;
  glide(filling(item.box));
}

// ---- The page's address: what is open -----------------------------------------------------------------------

const differing = (next) => [...new Set([...next, ...open])].filter((id) => next.has(id) !== open.has(id));

function addressed() {  // what the page's address says is open, else what is open first
  const known = new Map([...parts.keys()].filter(isModule).map((id) => [encodeURIComponent(id), id]));
  const named = location.hash.slice(1).split("+").filter(Boolean);
  const ids = named.map((name) => known.get(name));
  return ids.includes(undefined) || !location.hash ? start() : new Set(ids);
}

window.addEventListener("hashchange", () => {
  const next = addressed(), changed = differing(next);
  if (changed.length) show(next, changed.find((id) => items.has(id)));
});

function start() {  // what is open first: only as many levels as can be read in the window, if nobody chose
  const chosen = new Set(opened), depth = (id) => [...upwards(id)].length;
  const readable = () => {
    const { w, h } = arrange(root, chosen);
    return filling({ x: 0, y: 0, w, h }).k >= READABLE;
  };
  while (fits && chosen.size && !readable()) {
    const deepest = Math.max(...[...chosen].map(depth));
    for (const id of chosen) if (depth(id) === deepest) chosen.delete(id);
  }
  return chosen;
}
