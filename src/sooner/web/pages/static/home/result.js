// What a job came to: an inventory as a picture, anything else as JSON.
import { at, h, put } from "../lib/dom.js";
import { inventory } from "./inventory.js";

const isInventory = (result) => Array.isArray(result?.entries) && result.by_framework && result.by_status;

/** Shows the result of a final job. */
export function showResult(job) {
	const place = at("result");
	place.hidden = job.state !== "done";
	if (place.hidden || place.dataset.job === job.id) return;
	place.dataset.job = job.id;
	put(place, isInventory(job.result) ? inventory(job.result) : json(job.result));
}

const json = (value) => h("div", { class: "card" }, h("h2", {}, "Result"), h("pre", { tabindex: 0, "aria-label": "Result as JSON" }, JSON.stringify(value, null, 2)));
