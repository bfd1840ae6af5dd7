const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes, `text`, and children. */
export function element(name, { text, ...attributes } = {}, ...children) {
  return filled(document.createElement(name), text, attributes, children);
}

/** The same of SVG. */
export function drawn(name, { text, ...attributes } = {}, ...children) {
  return filled(document.createElementNS(SVG, name), text, attributes, children);
}

/** The element of an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text where it is another: what stays the same is not touched. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute likewise; without a value it goes. */
export function setAttribute(node, name, value) {
  if (value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/**
 * Has `parent` hold one child an item, in their order: what is there already stays what it is, so that
 * focus and animations last.
 */
export function reconcile(parent, items, { key, create, update }) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  const taken = new Map();
  for (const item of items) {
    // Two may have one name, as replicas have that tell no port.
    const times = taken.get(key(item)) ?? 0;
    taken.set(key(item), times + 1);
    const name = times === 0 ? key(item) : `${key(item)} ${times}`;
    let child = present.get(name);
    if (child === undefined) {
      child = create(item);
      child.dataset.key = name;
    }
    present.delete(name);
    update?.(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of present.values()) child.remove();
}

function filled(node, text, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) node.setAttribute(name, value);
  }
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}
