// A badge of an inventory for other pages.
import { h } from "../lib/dom.js";
import { time } from "../lib/words.js";

/** The badge, and what puts it on a page in Markdown. */
export function badge(job) {
	const address = new URL(job.urls.self, location.href);
	address.pathname += "/badge.svg";
	address.searchParams.set("label", "tests");
	address.searchParams.set("value", "/tests");
	return h("details", {},
		h("summary", {}, "Badge"),
		h("p", {}, h("img", { src: address.href, alt: "tests" })),
		h("pre", { class: "said", tabindex: 0, role: "group", "aria-label": "Markdown" }, `![tests](${address.href})`),
		h("p", { class: "small quiet" }, `It is good until ${time(job.expires_at)}. Whoever has its address may read the result.`));
}
