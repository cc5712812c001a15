// Search, in what is shown and in what closed modules hide.

let matches = [], chosen = -1;  // ids, those on the screen first; the one that Enter went to

const texts = new Map();  // id -> what the search looks through
const homes = new Map();  // id -> the module whose inside it is in
for (const part of insides) {
  for (const element of part.svg.querySelectorAll(".node:not(.enter, .leave), .edge, .cluster")) {
    const said = [texts.get(element.id), ...linesOf(element), ...factsOf(element.id).flat()].filter(Boolean);
    texts.set(element.id, said.join("\n").toLowerCase());
    if (!homes.has(element.id)) homes.set(element.id, part.id);
  }
}

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...texts].filter(([, text]) => words.length && words.every((word) => text.includes(word)));
  const ids = found.map(([id]) => id), position = (id) => items.get(id).box;
  const shown = ids.filter((id) => items.has(id));
  shown.sort((a, b) => position(a).y - position(b).y || position(a).x - position(b).x);
  matches = [...shown, ...ids.filter((id) => !items.has(id))];
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

function go(step) {  // to the next match; the modules around it are opened
  if (!matches.length) return;
  chosen = chosen < 0 && step < 0 ? matches.length - 1 : (chosen + step + matches.length) % matches.length;
  const id = matches[chosen], closed = [...upwards(homes.get(id))].filter((part) => !open.has(part.id));
  if (!items.has(id)) show(new Set([...open, ...closed.map((part) => part.id)]), closed.at(-1).id);
  mark();
  const { box, element } = items.get(id), k = Math.min(Math.max(view.k, 0.8), filling(box, 6).k);
  follow = null;
  glide({ k, x: size().w / 2 - middle(box).x * k, y: size().h / 2 - middle(box).y * k });
  ui("status").textContent = linesOf(element).join(", ");
}

field.addEventListener("input", search);
field.addEventListener("keydown", (event) => event.key === "Enter" && go(event.shiftKey ? -1 : 1));
