/*
 * The page: reads the REST API once a second and follows the event stream.
 *
 * Everything that comes from the gateway reaches the document as text, never as markup. Tables are changed in place,
 * cell by cell, so that focus, selection and scrolling survive a refresh.
 */
"use strict";

const API = "/api/v1";
const POLL_MS = 1000;
const TIMEOUT_MS = 5000;
const EVENTS_SHOWN = 200;
const HISTORY = 120; // samples of the small charts
const OPEN_BY_DEFAULT = 8; // up to so many devices show their paths at once

/* ---- text ---- */

const numberFormat = new Intl.NumberFormat("en");

function count(value) {
  return numberFormat.format(value ?? 0);
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit && value < 99.95 ? 1 : 0).replace(/\.0$/, "")} ${units[unit]}`;
}

function duration(us) {
  const s = Math.floor(us / 1e6);
  if (us < 1000) return `${Math.round(us)} µs`;
  if (s < 1) return `${(us / 1000).toFixed(us < 1e5 ? 1 : 0)} ms`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor(s / 60) % 60}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor(s / 3600) % 24}h`;
}

/* A measured time: 0 means that nothing was measured. */
function latency(us) {
  return us ? duration(us) : "–";
}

function time(us) {
  return us ? new Date(us / 1000).toLocaleString() : "–";
}

const SEVERITY = {
  normal: "good", up: "good", info: "quiet",
  degraded: "warn", failover: "warn", verifying: "warn", draining: "warn", probation: "warn", connecting: "warn", probing: "warn",
  warning: "warn", unclaimed: "quiet",
};

function state(value) {
  return { text: value ?? "–", kind: SEVERITY[value] ?? "bad" };
}

/* ---- document ---- */

const byId = (id) => document.getElementById(id);

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/* A cell's value is a text, or { text, kind, title }. */
function setCell(node, value, className) {
  const cell = typeof value === "object" && value !== null ? value : { text: value };
  const name = [className, cell.kind].filter(Boolean).join(" ");
  setText(node, String(cell.text ?? "–"));
  if (node.className !== name) node.className = name;
  if (cell.title !== undefined && node.title !== cell.title) node.title = cell.title;
}

/*
 * A table whose rows are kept by key. columns: { title, value(item), note(item), kind, head }; a note stands below the
 * value, kind is a class of the column, head marks the cell that names the row. With inner(item) each row can be opened
 * to a row below it, made by that function as { node, update(item) }.
 */
class Table {
  constructor(table, columns, { key, empty, inner, openByDefault }) {
    this.columns = columns;
    this.key = key;
    this.inner = inner;
    this.openByDefault = openByDefault;
    this.rows = new Map();
    this.body = make("tbody");
    const head = make("tr");
    for (const column of columns) {
      const cell = make("th", column.kind, column.title);
      cell.scope = "col";
      head.append(cell);
    }
    const thead = make("thead");
    thead.append(head);
    this.empty = make("tr", "empty");
    const none = make("td", "", empty);
    none.colSpan = columns.length;
    this.empty.append(none);
    table.replaceChildren(thead, this.body);
  }

  addRow(item, open) {
    const row = { node: make("tr"), cells: [] };
    for (const column of this.columns) {
      const cell = make(column.head ? "th" : "td");
      const parts = { value: cell };
      if (column.head) cell.scope = "row";
      if (column.head && this.inner) cell.append(this.addToggle(row, item, open));
      if (cell.firstChild || column.note) cell.append(parts.value = make("span"));
      if (column.note) cell.append(parts.note = make("div", "note"));
      row.node.append(cell);
      row.cells.push(parts);
    }
    return row;
  }

  addToggle(row, item, open) {
    const below = this.inner(item);
    const button = make("button", "toggle");
    const cell = make("td");
    cell.colSpan = this.columns.length;
    cell.append(below.node);
    row.below = make("tr", "inner");
    row.below.append(cell);
    row.update = below.update;
    const set = (expanded) => {
      row.below.hidden = !expanded;
      button.setAttribute("aria-expanded", String(expanded));
    };
    button.type = "button";
    button.setAttribute("aria-label", `Paths of ${this.key(item)}`);
    button.addEventListener("click", () => set(row.below.hidden));
    set(open);
    return button;
  }

  removeOthers(keys) {
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      row.below?.remove();
      this.rows.delete(key);
    }
  }

  update(items) {
    this.removeOthers(new Set(items.map(this.key)));
    let at = this.body.firstChild;
    const place = (node) => {
      if (node === at) at = at.nextSibling;
      else this.body.insertBefore(node, at);
    };
    for (const item of items) {
      let row = this.rows.get(this.key(item));
      if (!row) {
        row = this.addRow(item, items.length <= (this.openByDefault ?? 0));
        this.rows.set(this.key(item), row);
      }
      this.columns.forEach((column, i) => {
        setCell(row.cells[i].value, column.value(item), column.kind);
        if (column.note) setText(row.cells[i].note, column.note(item));
      });
      place(row.node);
      if (row.below) {
        row.update(item);
        place(row.below);
      }
    }
    if (items.length) this.empty.remove();
    else this.body.append(this.empty);
  }
}

/* ---- rates: what counters grew by since the last time ---- */

const rates = {
  before: new Map(),
  now: 0,
  begin() {
    this.elapsed = this.now ? (performance.now() - this.now) / 1000 : 0;
    this.now = performance.now();
    this.current = new Map();
  },
  of(key, value) {
    const before = this.before.get(key);
    this.current.set(key, value);
    return before === undefined || !this.elapsed || value < before ? 0 : (value - before) / this.elapsed;
  },
  end() {
    this.before = this.current;
  },
};

/* ---- tiles ---- */

const SVG = "http://www.w3.org/2000/svg";

class Chart {
  constructor() {
    this.samples = new Array(HISTORY).fill(0);
    this.node = document.createElementNS(SVG, "svg");
    this.line = document.createElementNS(SVG, "polyline");
    this.node.setAttribute("viewBox", `0 0 ${HISTORY - 1} 100`);
    this.node.setAttribute("preserveAspectRatio", "none");
    this.node.setAttribute("aria-hidden", "true");
    this.node.append(this.line);
  }

  add(value) {
    this.samples.push(value);
    this.samples.shift();
    const top = Math.max(1, ...this.samples);
    this.line.setAttribute("points", this.samples.map((v, i) => `${i},${(97 - (94 * v) / top).toFixed(1)}`).join(" "));
  }
}

class Tile {
  constructor(title, { chart, kind } = {}) {
    this.value = make("dd");
    this.note = make("dd");
    const box = make("div", kind);
    box.append(make("dt", "", title), this.value, this.note);
    if (chart) {
      this.chart = new Chart();
      this.note.append(this.chart.node);
    }
    byId("tiles").append(box);
  }

  show(value, note, kind) {
    setCell(this.value, { text: value, kind }, "");
    if (this.chart) this.chart.add(note);
    else setText(this.note, note);
  }
}

const tiles = {
  devices: new Tile("Devices"),
  paths: new Tile("Paths"),
  links: new Tile("Links"),
  sessions: new Tile("Sessions"),
  stall: new Tile("Worst stall"),
  read: new Tile("Read", { chart: true }),
  write: new Tile("Written", { chart: true, kind: "write" }),
};

function showStatus(status) {
  const { counts, stats } = status;
  const read = rates.of("read", stats.read_bytes);
  const written = rates.of("written", stats.written_bytes);
  setText(byId("version"), `${status.target.iqn} · version ${status.version} · up ${duration(status.uptime_us)}`);
  const health = status.healthy ? (status.ready ? "healthy" : "starting") : "not healthy";
  setCell(byId("health"), { text: health, kind: status.healthy ? (status.ready ? "good" : "warn") : "bad" }, "pill");
  byId("reasons").hidden = status.reasons.length === 0;
  byId("reasons").replaceChildren(...status.reasons.map((reason) => make("li", "", reason)));
  tiles.devices.show(count(counts.devices), `${count(counts.claimed_devices)} claimed`);
  tiles.paths.show(`${count(counts.paths_up)} of ${count(counts.paths)}`, "up", counts.paths_up < counts.paths ? "warn" : "");
  tiles.links.show(`${count(counts.links_up)} of ${count(counts.links)}`, `up, to ${count(counts.backends)} arrays`,
    counts.links_up < counts.links ? "warn" : "");
  tiles.sessions.show(count(counts.sessions), `on ${count(counts.workers)} workers`);
  tiles.stall.show(duration(status.worst_stall_us), "by the timers");
  tiles.read.show(`${bytes(read)}/s`, read);
  tiles.write.show(`${bytes(written)}/s`, written);
}

/* ---- tables ---- */

const figure = (title, value) => ({ title, value, kind: "number" });

function pathTable(device) {
  const node = make("table");
  const rate = (path) => rates.of(`${device.id} ${path.id}`, path.stats.reads + path.stats.writes);
  node.setAttribute("aria-label", `Paths of ${device.id}`);
  const table = new Table(node, [
    { title: "Path", value: (p) => p.id, head: true },
    { title: "Link", value: (p) => p.link, kind: "id" },
    { title: "State", value: (p) => ({ ...state(p.state), title: p.reason ?? "" }) },
    { title: "ALUA", value: (p) => p.alua_state },
    { title: "Role", value: (p) => (p.preferred ? `${p.role}, preferred` : p.role) },
    figure("Group", (p) => p.tpg),
    figure("Weight", (p) => count(p.weight)),
    figure("In flight", (p) => count(p.inflight)),
    figure("Latency", (p) => (p.slow ? { text: `${latency(p.latency_us)} slow`, kind: "warn" } : latency(p.latency_us))),
    figure("I/O per s", (p) => count(Math.round(rate(p)))),
    figure("Failures", (p) => count(p.stats.path_failures)),
  ], { key: (p) => p.id, empty: "No path." });
  const inner = make("div");
  inner.append(node, why(device));
  return { node: inner, update: (item) => table.update(item.paths) };
}

/* Why the device's latest commands took their paths: asked for when somebody wants to know, one sentence each. */
function why(device) {
  const node = make("div", "why");
  const sentences = make("ul");
  const ask = async (remarkable) => {
    try {
      const { commands } = await get(`/devices/${encodeURIComponent(device.id)}/commands?limit=20&remarkable=${remarkable}`);
      sentences.replaceChildren(...commands.map((c) => make("li", c.remarkable ? "warn" : "", `${time(c.time_us)}  ${c.sentence}`)));
      if (!commands.length) sentences.append(make("li", "quiet", "No such command is remembered."));
    } catch (error) {
      sentences.replaceChildren(make("li", "bad", error.message));
    }
  };
  for (const [text, remarkable] of [["Why these paths?", false], ["Only slow ones and errors", true]]) {
    const button = make("button", "", text);
    button.type = "button";
    button.addEventListener("click", () => ask(remarkable));
    node.append(button);
  }
  node.append(sentences);
  return node;
}

const tables = {
  devices: new Table(byId("devices"), [
    { title: "Device", value: (d) => d.name, note: (d) => d.id, head: true },
    figure("LUN", (d) => d.lun),
    figure("Size", (d) => bytes(d.size_bytes)),
    { title: "State", value: (d) => ({ ...state(d.state), title: d.reason ?? "" }) },
    { title: "Policy", value: (d) => ({ text: d.policy, title: d.policy_source ? `from: ${d.policy_source}` : "" }) },
    { title: "DSM", value: (d) => d.dsm },
    { title: "Fence", value: (d) => d.fence },
    figure("Read", (d) => bytes(d.stats.read_bytes)),
    figure("Written", (d) => bytes(d.stats.written_bytes)),
    figure("Retries", (d) => count(d.stats.retries)),
    figure("Errors", (d) => count(d.stats.io_errors)),
  ], { key: (d) => d.id, empty: "No device has been found.", inner: pathTable, openByDefault: OPEN_BY_DEFAULT }),

  links: new Table(byId("links"), [
    { title: "Link", value: (l) => l.id, head: true },
    { title: "Array", value: (l) => l.backend },
    { title: "Portal", value: (l) => ({ text: l.portal, title: l.iqn }), kind: "id" },
    { title: "State", value: (l) => state(l.state) },
    figure("Workers", (l) => `${l.workers_up} of ${l.workers}`),
    figure("Paths", (l) => count(l.paths)),
    figure("In flight", (l) => count(l.inflight)),
    figure("Latency", (l) => latency(l.latency_us)),
    figure("Reconnects", (l) => count(l.reconnects)),
    { title: "Last failure", value: (l) => l.reason, kind: "wide" },
  ], { key: (l) => l.id, empty: "There is no link." }),

  sessions: new Table(byId("sessions"), [
    { title: "Initiator", value: (s) => s.initiator, head: true },
    { title: "From", value: (s) => s.remote, kind: "id" },
    { title: "To", value: (s) => s.local, kind: "id" },
    { title: "Type", value: (s) => (s.discovery ? "discovery" : "normal") },
    figure("Worker", (s) => s.worker),
    figure("Tasks", (s) => count(s.tasks)),
    figure("Age", (s) => duration(s.age_us)),
    figure("Read", (s) => bytes(s.stats.read_bytes)),
    figure("Written", (s) => bytes(s.stats.written_bytes)),
  ], { key: (s) => String(s.id), empty: "No host is logged in." }),

  events: new Table(byId("events"), [
    { title: "Time", value: (e) => time(e.time_us) },
    { title: "Severity", value: (e) => state(e.severity) },
    { title: "Type", value: (e) => e.type },
    { title: "Event", value: (e) => e.message, kind: "wide", head: true },
    { title: "Subject", value: (e) => e.subject, kind: "id" },
  ], { key: (e) => String(e.id), empty: "Nothing has happened." }),
};

/* ---- the gateway ---- */

async function get(path) {
  const response = await fetch(API + path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? response.statusText);
  return answer;
}

async function list(name) {
  const items = [];
  let page = `/${name}`;
  while (page) {
    const answer = await get(page);
    items.push(...answer[name]);
    page = answer.next ? `/${name}?after=${encodeURIComponent(answer.next)}` : null;
  }
  return items;
}

function showLost(error) {
  const lost = byId("lost");
  lost.hidden = !error;
  setText(lost, error ? `The gateway does not answer (${error.message}). What is shown may be old.` : "");
  if (error) setCell(byId("health"), { text: "no answer", kind: "bad" }, "pill");
}

async function refresh() {
  try {
    const [status, devices, links, sessions] =
      await Promise.all([get("/status"), list("devices"), list("links"), list("sessions")]);
    showLost(null);
    rates.begin();
    showStatus(status);
    tables.devices.update(devices);
    tables.links.update(links);
    tables.sessions.update(sessions);
    rates.end();
  } catch (error) {
    showLost(error);
  }
}

/* One refresh after the other; none while nobody looks. */
async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MS);
}

const events = {
  items: [],
  pending: false,

  /* Ids start again when the gateway does. */
  add(event) {
    if (this.items.length && event.id <= this.items[0].id) this.items = [];
    this.items.unshift(event);
    this.items.length = Math.min(this.items.length, EVENTS_SHOWN);
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      tables.events.update(this.items);
    });
  },

  /* A browser connects again by itself, unless it was refused. */
  follow() {
    const stream = new EventSource(`${API}/events`);
    stream.addEventListener("message", (message) => this.add(JSON.parse(message.data)));
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(() => this.follow(), 10 * POLL_MS);
    });
  },
};

tables.events.update([]);
events.follow();
poll();
