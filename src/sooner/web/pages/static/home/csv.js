// An inventory as CSV (RFC 4180), made in the browser.
import { h } from "../lib/dom.js";

const HEAD = ["path", "language", "framework", "name", "line", "status"];
/** A spreadsheet would compute cells that begin so, and names are a stranger's. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value) {
	const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const line = (cells) => `${cells.map(cell).join(",")}\r\n`;

/** The lines of a file; a file whose tests are not listed has one. */
function linesOf({ path, language, framework, cases }) {
	const file = [path, language, framework];
	return cases.length ? cases.map((one) => line([...file, one.name, one.line, one.status])).join("") : line([...file, "", "", ""]);
}

/** A button that saves entries under a name. */
export function saveButton(entries, name) {
	const save = () => {
		const address = URL.createObjectURL(new Blob([line(HEAD), ...entries.map(linesOf)], { type: "text/csv;charset=utf-8" }));
		h("a", { href: address, download: name }).click();
		setTimeout(() => URL.revokeObjectURL(address), 60_000);
	};
	return h("button", { class: "small", onclick: save }, "Save as CSV");
}
