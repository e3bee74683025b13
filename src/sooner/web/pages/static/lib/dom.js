// Elements without markup in strings: no text of a job is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Sets properties, listeners (`onclick`) and attributes; null and false leave the attribute out. */
function dress(element, props) {
	for (const [name, value] of Object.entries(props)) {
		if (value === null || value === undefined || value === false) continue;
		if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else if (name === "style") for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
		else if (name === "value") element.value = value;
		else element.setAttribute(name, value === true ? "" : value);
	}
	return element;
}

const fill = (element, children) => {
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
};

/** An HTML element. */
export const h = (tag, props = {}, ...children) => fill(dress(document.createElement(tag), props), children);

/** An SVG element. */
export const s = (tag, props = {}, ...children) => fill(dress(document.createElementNS(SVG, tag), props), children);

/** Replaces all children. */
export const put = (element, ...children) => {
	element.replaceChildren();
	return fill(element, children);
};

const keyOf = (node) => node.dataset?.key ?? node.id;

function change(old, to) {
	if (!(to instanceof Element)) {
		if (old.data !== to.data) old.data = to.data;
		return;
	}
	// A person opens and closes details.
	const isOurs = (name) => !(old.nodeName === "DETAILS" && name === "open");
	for (const { name } of [...old.attributes]) if (isOurs(name) && !to.hasAttribute(name)) old.removeAttribute(name);
	for (const { name, value } of to.attributes) if (isOurs(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
	renew(old, ...to.childNodes);
}

/**
 * Replaces all children by changing the existing ones, which keep focus, selection, typed text, and listeners. So an
 * element with listeners has a `data-key` that names their action.
 */
export function renew(element, ...children) {
	let here = element.firstChild;
	for (const child of [...fill(document.createDocumentFragment(), children).childNodes]) {
		let old = here;
		while (old && (old.nodeName !== child.nodeName || keyOf(old) !== keyOf(child))) old = old.nextSibling;
		if (!old) {
			element.insertBefore(child, here);
			continue;
		}
		for (; here !== old; here = drop(here));
		change(old, child);
		here = old.nextSibling;
	}
	while (here) here = drop(here);
	return element;
}

function drop(node) {
	const next = node.nextSibling;
	node.remove();
	return next;
}

/** The element with an id, which exists. */
export const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let next = 0;
/** A unique id. */
export const uid = (name) => `${name}-${next++}`;
