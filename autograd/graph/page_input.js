// Pointing, keys and buttons.

// ---- Pointing: card, neighbours, focus ---------------------------------------------------------------------

let pointed = null, pinned = null;

function hit(element) {  // the item that an element belongs to; of a cluster only its label and badge count
  const owner = element.closest?.(".node, .edge, .cluster");
  if (!owner || !stage.contains(owner)) return null;
  if (owner.matches(".cluster") && element !== owner && !element.closest("text, .badge")) return null;
  return items.get(owner.id) ?? null;
}

function point(item, at = null) {  // hovers `item`, or what is pinned when nothing is hovered
  pointed = item;
  const shown = item ?? pinned;
  svg?.classList.toggle("dim", Boolean(shown));
  for (const element of svg?.querySelectorAll(".near, .lit") ?? []) element.classList.remove("near", "lit");
  card.hidden = !shown;
  if (!shown) return;
  for (const near of [...around(shown), ...(pinned ? [pinned] : [])]) near.element.classList.add("near");
  shown.element.classList.add("lit");
  describe(shown);
  settle(shown, at);
}

// The item, its edges and the nodes at their other ends; for a cluster those of all it holds.
function around(item) {
  const inside = ({ kind, box: b }) => kind === "node" && b.x >= item.box.x && b.y >= item.box.y
    && b.x + b.w <= item.box.x + item.box.w && b.y + b.h <= item.box.y + item.box.h;
  const core = item.kind === "cluster" ? [...items.values()].filter(inside) : [item];
  const edges = [...items.values()].filter(({ kind }) => kind === "edge");
  const near = new Set([item, ...core]);
  const ends = (edge, side) => edge.element.dataset[side].split(" ");
  const follow = (edge, side, back) => {  // along the edge, and on where it goes through ports
    near.add(edge);
    for (const end of ends(edge, side)) {
      if (items.has(end)) near.add(items.get(end));
      else edges.filter((next) => ends(next, back).includes(end)).forEach((next) => follow(next, side, back));
    }
  };
  for (const [side, back] of [["to", "from"], ["from", "to"]]) {
    const first = (edge) => edge === item || core.some(({ id }) => ends(edge, back).includes(id));
    edges.filter(first).forEach((edge) => follow(edge, side, back));
  }
  return near;
}

function describe(item) {
  const lines = linesOf(item.element), facts = factsOf(item.id);
  ui("heading").textContent = lines[0] ?? facts.shift()?.[1] ?? item.kind;
  ui("lines").textContent = lines.slice(1).join("\n");
  ui("facts").replaceChildren(...facts.flatMap(([name, value]) => {
    const pair = [document.createElement("dt"), document.createElement("dd")];
    pair[0].textContent = name;
    pair[1].textContent = value;
    return pair;
  }));
  card.classList.toggle("pinned", item === pinned);
  ui("toggle").textContent = isModule(item.id) ? (isOpen(item.id) ? "Close" : "Open") : "";
}

function settle(item, at) {  // the card stands beside the pointer, or beside the item for the keyboard
  const box = toScreen(item.box), { w, h } = size();
  const x = at ? at.x + 16 : box.x + box.w + 12, y = at ? at.y + 18 : box.y;
  const wide = card.offsetWidth, high = card.offsetHeight;
  const left = x + wide < w - 8 ? x : (at ? at.x - 12 : box.x - 12) - wide;
  card.style.left = `${clamp(left, 8, Math.max(8, w - wide - 8))}px`;
  const top = y + high < h - 8 ? y : (at ? at.y : y + box.h) - high - 8;
  card.style.top = `${clamp(top, 8, Math.max(8, h - high - 8))}px`;
}

const reading = () => [...items.values()].filter(({ element }) => element.hasAttribute("tabindex"))
  .sort((a, b) => a.box.y - b.box.y || a.box.x - b.box.x);

function rove(item) {  // Tab stops at one box only; the arrow keys go on from there
  for (const { element } of reading()) element.setAttribute("tabindex", element === item?.element ? "0" : "-1");
}

function focusOn(item) {
  rove(item);
  item.element.focus({ preventScroll: true });
}

function neighbour(item, dx, dy) {  // the nearest box in a direction
  const from = middle(item.box);
  const cost = (other) => {
    const to = middle(other.box), along = (to.x - from.x) * dx + (to.y - from.y) * dy;
    const aside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
    return other === item || along < 1 ? Infinity : along + 2 * aside;
  };
  const best = reading().map((other) => [cost(other), other]).sort((a, b) => a[0] - b[0])[0];
  return best && best[0] < Infinity ? best[1] : null;
}

function under(event) {  // the item under the pointer; a module's label lies over the edges that cross it
  const handles = ".cluster.foldable :is(text, .badge *)";
  const handle = event.target.closest?.(".edge")
    && document.elementsFromPoint(event.clientX, event.clientY).find((element) => element.matches(handles));
  return hit(handle || event.target);
}

stage.addEventListener("focusin", (event) => {
  const item = hit(event.target);
  if (!item || !item.element.matches(":focus-visible")) return;
  rove(item);
  follow = null;
  place(nudge(item.box));
  point(item);
});
stage.addEventListener("focusout", () => point(null));

// ---- Pointer -----------------------------------------------------------------------------------------------

const pointers = new Map();
let travelled = 0, touched = false;
function local(event) {
  const corner = stage.getBoundingClientRect();
  return { x: event.clientX - corner.x, y: event.clientY - corner.y };
}

function hover(event, at) {  // on moves only: a box that comes under a resting mouse shows nothing
  if (event.pointerType === "touch") return;
  const item = under(event);
  if (item !== pointed) point(item, at);
  else if (item) settle(item, at);
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (pointers.size === 0) travelled = 0;
  pointers.set(event.pointerId, local(event));
  touched = event.pointerType === "touch";
  cancelAnimationFrame(tween);
});
window.addEventListener("pointermove", (event) => {
  const last = pointers.get(event.pointerId), now = local(event);
  if (!last) return hover(event, now);
  travelled = Math.max(travelled, Math.hypot(now.x - last.x, now.y - last.y));
  if (travelled < 5 && pointers.size === 1) return;  // still a click
  stage.classList.add("grabbing");
  point(null);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const spread = (p) => Math.max(Math.hypot(p.x - other.x, p.y - other.y), 1);
    zoom(spread(now) / spread(last), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }
  pan((now.x - last.x) / pointers.size, (now.y - last.y) / pointers.size);
  pointers.set(event.pointerId, now);
  greeted();
});
for (const name of ["pointerup", "pointercancel"]) {
  window.addEventListener(name, (event) => {
    pointers.delete(event.pointerId);
    if (pointers.size === 0) stage.classList.remove("grabbing");
  });
}
stage.addEventListener("pointerleave", () => point(null));
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = [1, 20, 300][event.deltaMode] * event.deltaY;
  zoom(2 ** (-clamp(lines, -240, 240) * (event.ctrlKey ? 0.012 : 0.003)), local(event).x, local(event).y);
  greeted();
}, { passive: false });

stage.addEventListener("click", (event) => {
  if (travelled >= 5) return void (travelled = 0);  // the end of a drag
  greeted();
  const item = under(event);
  const first = touched && item !== pinned && !event.target.closest(".badge");  // a finger cannot hover
  if (item && isModule(item.id) && !first) {
    const box = toScreen(item.box);
    return toggle(item.id, clamp((local(event).x - box.x) / box.w, 0, 1));
  }
  pinned = item === pinned ? null : item;
  point(null);
});
ui("toggle").onclick = () => pinned && toggle(pinned.id);

const greeted = () => ui("hint").classList.add("gone");

// ---- Keyboard and buttons ----------------------------------------------------------------------------------

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

stage.addEventListener("keydown", (event) => {
  const item = hit(event.target), arrow = ARROWS[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrow && item) {
    const next = neighbour(item, ...arrow);
    if (next) focusOn(next);
  } else if (arrow) pan(-80 * arrow[0], -80 * arrow[1], glide);
  else if ((event.key === "Enter" || event.key === " ") && item) {
    if (isModule(item.id)) toggle(item.id);
    else point((pinned = item === pinned ? null : item));
  } else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Tab") greeted();
  if (event.key === "Escape") {
    pinned = null;
    point(null);
    field.value = "";
    search();
    if (document.activeElement === field) stage.focus();
    return;
  }
  const keys = { "+": "in", "=": "in", "-": "out", 0: "fit", "/": "search" };
  if (document.activeElement === field || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  if (event.key === "/") field.focus();
  else ui(keys[event.key]).click();
});
ui("in").onclick = () => zoom(1.4, undefined, undefined, glide);
ui("out").onclick = () => zoom(1 / 1.4, undefined, undefined, glide);
ui("fit").onclick = () => fit();

ui("theme").onclick = () => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
};

// ---- Paper, and the start ----------------------------------------------------------------------------------

window.addEventListener("beforeprint", () => {
  svg.setAttribute("viewBox", Object.values(bounds).join(" "));
  camera.removeAttribute("transform");
});
window.addEventListener("afterprint", () => {
  svg.removeAttribute("viewBox");
  place(view);
});
new ResizeObserver(() => follow && place(follow())).observe(stage);

document.documentElement.classList.add("live");
show(addressed(), root.id);
