// Elements without markup in strings: nothing that comes from a job is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Sets properties, listeners (`onclick`) and attributes; null and false leave one out. */
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

/** Puts new children in place of all there are. */
export const put = (element, ...children) => {
	element.replaceChildren();
	return fill(element, children);
};

/** The element of an id, which is there. */
export const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let next = 0;
/** An id that nothing else has. */
export const uid = (name) => `${name}-${next++}`;
