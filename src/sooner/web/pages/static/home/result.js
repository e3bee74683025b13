// The result of a job: an inventory as a picture, any other result as it is.
import { at, h, put } from "../lib/dom.js";
import { resultOf } from "../lib/result.js";
import { inventory } from "./inventory.js";

const isInventory = (result) => Array.isArray(result?.entries) && result.by_framework && result.by_status;

/** Shows the result of a job that is done. */
export function showResult(job) {
	at("result").hidden = false;
	put(at("result"), isInventory(job.result) ? inventory(job) : h("div", { class: "card" }, h("h2", {}, "Result"), resultOf(job)));
}
