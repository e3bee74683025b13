// Test files as a tree of folders, with sums: plain data, no elements.

const { compare: collate } = new Intl.Collator();
const empty = (name, path) => ({ name, path, kind: "folder", files: 0, suites: 0, tests: 0, off: 0, children: new Map() });

/** The folders of entries. `off` counts tests that are skipped, to do, or expected to fail. */
export function foldersOf(entries) {
	const root = empty("", "");
	for (const entry of entries) insert(root, entry);
	return joined(root);
}

function insert(root, entry) {
	const parts = entry.path.split("/");
	const file = fileOf(entry, parts.pop());
	let folder = root;
	for (const [depth, part] of parts.entries()) {
		add(folder, file);
		if (!folder.children.has(part)) folder.children.set(part, empty(part, parts.slice(0, depth + 1).join("/")));
		folder = folder.children.get(part);
	}
	add(folder, file);
	folder.children.set(`${file.name}\0`, file);
}

function fileOf(entry, name) {
	const off = entry.cases.filter((one) => !["active", "focused"].includes(one.status)).length;
	return { name, path: entry.path, kind: "file", framework: entry.framework, files: 1, suites: entry.suites, tests: entry.tests, off, cases: entry.cases };
}

function add(folder, file) {
	for (const sum of ["files", "suites", "tests", "off"]) folder[sum] += file[sum];
}

/** Joins folders that hold one folder alone into one line. */
function joined(folder) {
	const children = [...folder.children.values()].map((child) => (child.kind === "folder" ? joined(child) : child));
	const [only] = children;
	if (folder.name && children.length === 1 && only.kind === "folder") return { ...only, name: `${folder.name}/${only.name}` };
	return { ...folder, children };
}

/** The children of a node, in order. */
export function below(node, { by, down }) {
	if (node.kind === "file") return node.cases.map((one, index) => ({ ...one, kind: "case", path: `${node.path}\0${index}` }));
	const sign = down ? -1 : 1;
	const compare = by === "name" ? (a, b) => sign * collate(a.name, b.name) : (a, b) => sign * (a[by] - b[by]) || collate(a.name, b.name);
	return [...node.children].sort((a, b) => (a.kind === b.kind ? 0 : a.kind === "folder" ? -1 : 1) || compare(a, b));
}

/** The tree of the paths and cases that fit a search. */
export function matching(entries, text) {
	const wanted = text.toLowerCase();
	return entries.flatMap((entry) => {
		if (entry.path.toLowerCase().includes(wanted)) return [entry];
		const cases = entry.cases.filter((one) => one.name.toLowerCase().includes(wanted));
		return cases.length ? [{ ...entry, cases, tests: cases.length }] : [];
	});
}
