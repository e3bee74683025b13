// An inventory of tests: totals, pictures by framework, language and status, what differs, and the files.
import { h } from "../lib/dom.js";
import { count, many } from "../lib/words.js";
import { badge } from "./badge.js";
import { comparison, doubts, unlistedOf } from "./lists.js";
import { tree } from "./tree.js";

const MEANING = { active: "active", skipped: "skipped", todo: "to do", focused: "focused", xfail: "expected to fail", unlisted: "not listed" };
const STATUSES = Object.keys(MEANING);
const SPELLED = { cpp: "C++", csharp: "C#", javascript: "JavaScript", php: "PHP", typescript: "TypeScript" };

/** The elements that show the inventory that a job made. */
export function inventory(job) {
	const { result } = job;
	return [picture(job), result.comparison && comparison(result.comparison), doubts(result), tree(result.entries, `${job.actor}-${job.id}.csv`)];
}

function picture(job) {
	const { result } = job;
	const total = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, count(value)));
	return h("div", { class: "card picture" },
		h("h2", { class: "sr" }, "Inventory"),
		h("dl", { class: "totals" }, total("tests", result.tests), total("suites", result.suites), total("test files", result.files), result.commit && commit(result.commit)),
		result.tests > 0 && [legend(result.by_status), charts(result)],
		result.tests === 0 && h("p", {}, "No tests were found."),
		unlistedOf(result),
		badge(job));
}

const commit = (sha) => h("div", {}, h("dt", {}, "commit"), h("dd", { class: "mono" }, sha.slice(0, 8)));

const legend = (sums) => h("ul", { class: "legend" }, STATUSES.filter((status) => sums[status]).map((status) => h("li", { class: status }, `${MEANING[status]} `, h("strong", {}, count(sums[status])))));

const charts = ({ by_framework, by_language = {}, entries }) => h("div", { class: "charts" },
	bars("framework", by_framework, entries),
	Object.keys(by_language).length > 1 && bars("language", by_language, entries, nameOf));

const nameOf = (language) => SPELLED[language] ?? language[0].toUpperCase() + language.slice(1);

/** The number of listed cases of each status, for each value of a key of the entries. */
function tallies(entries, key) {
	const all = {};
	for (const entry of entries) {
		const sums = (all[entry[key]] ??= {});
		for (const one of entry.cases) sums[one.status] = (sums[one.status] ?? 0) + 1;
	}
	return all;
}

function bars(key, counts, entries, name = (value) => value) {
	const byStatus = tallies(entries, key);
	const parts = Object.entries(counts).sort(([, a], [, b]) => b.tests - a.tests);
	const longest = Math.max(1, ...parts.map(([, sums]) => sums.tests));
	return [h("h3", { class: "by" }, `By ${key}`),
		h("div", { class: "bars", role: "list", "aria-label": `Tests by ${key} and status` }, parts.map(([value, sums]) => bar(name(value), sums, byStatus[value] ?? {}, longest)))];
}

function bar(name, sums, listed, longest) {
	const unlisted = sums.tests - Object.values(listed).reduce((sum, one) => sum + one, 0);
	const byStatus = { ...listed, unlisted };
	const present = STATUSES.filter((status) => byStatus[status]);
	const said = present.map((status) => `${count(byStatus[status])} ${MEANING[status]}`).join(", ");
	return h("div", { role: "listitem", style: { display: "contents" } },
		h("span", { class: "name" }, name),
		h("span", { class: "bar-of", title: said, style: { width: `${(100 * sums.tests) / longest}%` } },
			present.map((status) => h("i", { class: status, style: { flex: String(byStatus[status]) } }))),
		h("span", { class: "sum" }, `${many(sums.tests, "test")} in ${many(sums.files, "file")}`, h("span", { class: "sr" }, `: ${said}`)));
}
