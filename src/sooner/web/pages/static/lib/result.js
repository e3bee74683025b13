// The parameters and results of jobs: a file to save, a text, or JSON.
import { h } from "./dom.js";
import { count, size } from "./words.js";

const MOST_SHOWN = 20_000;

/** The result of an actor that returned a `FileResult`. */
const isFile = (value) => /^[0-9a-f]{64}$/.test(value?.file?.sha256) && typeof value.file.name === "string" && Number.isInteger(value.file.bytes);

/** The result of a job that is done. */
export function resultOf(job) {
	if (isFile(job.result)) return file(job.result.file, job.urls.result);
	if (job.result === null) return h("p", { class: "quiet" }, "It gave nothing back.");
	if (job.result === "") return h("p", { class: "quiet" }, "It gave back an empty text.");
	return value("Result", job.result, h("a", { href: job.urls.result, download: `${job.actor}-${job.id}.json` }, "Save all of it"));
}

function file({ name, type, bytes }, address) {
	return h("div", { class: "file" },
		h("div", {}, h("strong", {}, name), h("div", { class: "quiet small" }, `${size(bytes)} · ${type}`)),
		h("a", { class: "button primary", href: address, download: name, "aria-label": `Download ${name}` }, "Download"));
}

/** Any value, cut to a length that a browser still scrolls; `whole` leads to the whole value. */
export function value(title, value, whole = null) {
	const isText = typeof value === "string";
	const text = isText ? value : JSON.stringify(value, null, 2) ?? "";
	const cut = text.length > MOST_SHOWN;
	return [
		h("pre", { tabindex: 0, role: "group", "aria-label": `${title} as ${isText ? "text" : "JSON"}` }, cut ? text.slice(0, MOST_SHOWN) : text),
		cut && h("p", { class: "small quiet" }, `The first ${count(MOST_SHOWN)} of ${count(text.length)} characters. `, whole),
	];
}
