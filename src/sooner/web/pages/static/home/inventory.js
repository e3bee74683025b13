// An inventory of tests: totals, a picture by framework and status, and the files.
import { h } from "../lib/dom.js";
import { count, many } from "../lib/words.js";
import { tree } from "./tree.js";

export const STATUSES = ["active", "skipped", "todo", "focused", "xfail"];
const MOST_ROWS = 1000;
const MEANING = { active: "active", skipped: "skipped", todo: "to do", focused: "focused", xfail: "expected to fail" };

/** The number of cases by status. */
export function tally(entries) {
	const sums = Object.fromEntries(STATUSES.map((status) => [status, 0]));
	for (const entry of entries) for (const one of entry.cases) sums[one.status]++;
	return sums;
}

/** The elements that show an inventory. */
export function inventory(result) {
	return [picture(result), result.unreadable.length > 0 && unreadable(result.unreadable), tree(result.entries)];
}

function picture(result) {
	const total = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, count(value)));
	return h("div", { class: "card picture" },
		h("h2", { class: "sr" }, "Inventory"),
		h("dl", { class: "totals" }, total("tests", result.tests), total("suites", result.suites), total("test files", result.files), result.commit && commit(result.commit)),
		result.tests > 0 && [legend(result.by_status), bars(result)],
		result.tests === 0 && h("p", {}, "No tests were found."));
}

const commit = (sha) => h("div", {}, h("dt", {}, "commit"), h("dd", { class: "mono" }, sha.slice(0, 8)));

const legend = (sums) => h("ul", { class: "legend" }, STATUSES.filter((status) => sums[status]).map((status) => h("li", { class: status }, `${MEANING[status]} `, h("strong", {}, count(sums[status])))));

function bars(result) {
	const of = (framework) => result.entries.filter((entry) => entry.framework === framework);
	const frameworks = Object.entries(result.by_framework).sort(([, a], [, b]) => b.tests - a.tests);
	const longest = Math.max(1, ...frameworks.map(([, sums]) => sums.tests));
	return h("div", { class: "bars", role: "list", "aria-label": "Tests by framework and status" }, frameworks.map(([name, sums]) => bar(name, sums, tally(of(name)), longest)));
}

function bar(name, sums, byStatus, longest) {
	const present = STATUSES.filter((status) => byStatus[status]);
	const said = present.map((status) => `${count(byStatus[status])} ${MEANING[status]}`).join(", ");
	return h("div", { role: "listitem", style: { display: "contents" } },
		h("span", { class: "name" }, name),
		h("span", { class: "bar-of", title: said, style: { width: `${(100 * sums.tests) / longest}%` } },
			present.map((status) => h("i", { class: status, style: { flex: String(byStatus[status]) } }))),
		h("span", { class: "sum" }, `${many(sums.tests, "test")} in ${many(sums.files, "file")}`, h("span", { class: "sr" }, `: ${said}`)));
}

const unreadable = (files) => h("details", { class: "card" },
	h("summary", {}, `${many(files.length, "file")} could not be read`),
	h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "File"), h("th", { scope: "col" }, "Reason"))),
		h("tbody", {}, files.slice(0, MOST_ROWS).map((file) => h("tr", {}, h("td", { class: "mono" }, file.path), h("td", {}, file.reason)))))),
	files.length > MOST_ROWS && h("p", { class: "small quiet" }, `The first ${count(MOST_ROWS)} of them.`));
