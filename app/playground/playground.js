// The marketer's playground: rules on the left, a cart on the right, people below. It speaks only to /graphql.
// The access token lives in this page's memory and nowhere else: a reload signs out.

import { attachCompletion } from "./completion.js";

const $ = (selector) => document.querySelector(selector);
const el = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
let session = null;
let campaignsKnown = [];

class ApiError extends Error {}

const RENEWABLE = new Set(["TOKEN_EXPIRED", "UNAUTHENTICATED"]);

function showSignIn(needed) {
  $("#sign-in").hidden = !needed;
  $("#who").hidden = needed;
}

async function graphql(query, variables = {}, { mayRenew = true } = {}) {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json, application/json" };
  if (session) headers.authorization = `Bearer ${session.accessToken}`;
  const response = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const answer = await response.json().catch(() => ({ errors: [{ message: `the server answered ${response.status}` }] }));
  const code = answer.errors?.[0]?.extensions?.code;
  if (RENEWABLE.has(code) && mayRenew && (session || renewal)) {
    await renew();
    return graphql(query, variables, { mayRenew: false });
  }
  if (code === "SESSION_ENDED") {
    session = null;
    showSignIn(true);
  }
  if (answer.errors) throw new ApiError(answer.errors.map((error) => error.message).join("; "));
  return answer.data;
}

// Requests that are refused together are renewed together: a refresh token is good for one use.
let renewal = null;

function renew() {
  renewal ??= (async () => {
    const input = { refreshToken: session.refreshToken };
    session = null;
    const { refreshSession } = await graphql(
      `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken } userErrors { message } } }`,
      { input },
      { mayRenew: false },
    );
    session = refreshSession.session;
    if (session) return;
    showSignIn(true);
    throw new ApiError(refreshSession.userErrors.map((error) => error.message).join("; "));
  })().finally(() => (renewal = null));
  return renewal;
}

const later = (action, milliseconds) => {
  let timer;
  return (...rest) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...rest), milliseconds);
  };
};

// --- rules ---------------------------------------------------------------------------------------

const EXAMPLE = `attributes user { household_size: number }

segment families { user.household_size >= 3 }

promotion coffee_three_for_two "Three coffees cost two" {
  buy 2 items where category = "COFFEE" get 1 items where category = "COFFEE" free
}
promotion the_more_you_buy {
  take off cart by cart.subtotal { from 50 USD: 5%  from 100 USD: 10% }
}
promotion family_day {
  for user in segment families
  take 5% off cart
  priority 5
}
`;
const source = $("#editor textarea");
const paint = $("#editor pre");
let checkedTurn = 0;

function underline(diagnostics) {
  // Offsets count code points; the page's strings count UTF-16 units.
  const points = Array.from(source.value);
  const marks = [...diagnostics].sort((a, b) => a.offset - b.offset);
  paint.replaceChildren();
  let at = 0;
  for (const mark of marks) {
    const start = Math.max(at, mark.offset);
    const end = Math.max(start + 1, endOffset(points, mark));
    paint.append(points.slice(at, start).join(""), el("mark", { className: mark.severity.toLowerCase() }, points.slice(start, end).join("") || " "));
    at = end;
  }
  paint.append(points.slice(at).join("") + "\n");
  paint.scrollTop = source.scrollTop;
  paint.scrollLeft = source.scrollLeft;
}

function endOffset(points, { offset, line, column, endLine, endColumn }) {
  if (line === endLine) return offset + endColumn - column;
  let [at, row] = [offset, line];
  while (at < points.length && row < endLine) row += points[at++] === "\n";
  return at + endColumn - 1;
}

// A campaign's rules are tried together with what else is live; the small example stands alone.
const beside = () => {
  const campaignId = $("#campaign").value || null;
  return { campaignId, withPublished: campaignId !== null };
};

async function check() {
  const turn = ++checkedTurn;
  const verdict = $("#verdict");
  if (!session) return void (verdict.textContent = "sign in to check the rules");
  try {
    const { checkRules } = await graphql(
      `query ($source: String!, $campaignId: ID, $withPublished: Boolean!) {
        checkRules(source: $source, campaignId: $campaignId, withPublished: $withPublished) {
          diagnostics { code severity message hint offset line column endLine endColumn }
          declarations { kind name title }
        }
      }`,
      { source: source.value, ...beside() },
    );
    if (turn !== checkedTurn) return;
    const { diagnostics, declarations } = checkRules;
    const errors = diagnostics.filter((d) => d.severity.toLowerCase() === "error").length;
    verdict.textContent = errors ? `${errors} to mend` : `${declarations.length} declarations, all well`;
    verdict.className = errors ? "bad" : "good";
    underline(diagnostics);
    $("#problems").replaceChildren(...diagnostics.map(problem));
    showSegments(declarations.filter((d) => d.kind.toLowerCase() === "segment"));
    if (!errors) price();
  } catch (error) {
    verdict.textContent = error.message;
    verdict.className = "bad";
  }
}

function problem(diagnostic) {
  const { code, message, hint, line, column, offset, severity } = diagnostic;
  const jump = () => {
    const units = Array.from(source.value).slice(0, offset).join("").length;
    source.focus();
    source.setSelectionRange(units, units);
  };
  return el("li", { className: severity.toLowerCase() },
    el("button", { type: "button", onclick: jump }, el("b", {}, `${line}:${column} `), message,
      hint ? el("span", { className: "hint" }, ` — ${hint}`) : null, el("span", { className: "quiet" }, ` ${code}`)));
}

async function format() {
  const verdict = $("#verdict");
  try {
    const { formatRules } = await graphql(`query ($source: String!) { formatRules(source: $source) { source } }`, { source: source.value });
    if (formatRules.source === null) return void (verdict.textContent = "mend the syntax first, then it can be formatted");
    replaceAll(formatRules.source);
    verdict.textContent = "formatted";
  } catch (error) {
    verdict.textContent = error.message;
  }
}

function replaceAll(text) {
  if (text === source.value) return;
  const line = source.value.slice(0, source.selectionStart).split("\n").length;
  source.focus();
  source.select();
  // Unlike assigning the value this can be undone.
  if (!document.execCommand("insertText", false, text)) source.value = text;
  const caret = text.split("\n").slice(0, line).join("\n").length;
  source.setSelectionRange(caret, caret);
  check();
}

async function completions(text, offset) {
  if (!session) return [];
  const { completeRules } = await graphql(
    `query ($source: String!, $offset: Int!, $campaignId: ID, $withPublished: Boolean!) {
      completeRules(source: $source, offset: $offset, campaignId: $campaignId, withPublished: $withPublished) { label kind detail documentation insert offset endOffset }
    }`,
    { source: text, offset, ...beside() },
  );
  return completeRules;
}

// --- the cart ------------------------------------------------------------------------------------

const FIELDS = ["sku", "name", "category", "brand", "price", "quantity"];
const SHOWN = ["sku", "category", "brand", "price", "quantity"];

function addLine(line = { sku: "", category: "", brand: "", price: "1.00", quantity: 1 }) {
  const row = el("tr", {},
    ...SHOWN.map((field) => el("td", { className: ["price", "quantity"].includes(field) ? "narrow" : "" },
      el("input", { name: field, value: line[field] ?? "", inputMode: { price: "decimal", quantity: "numeric" }[field] ?? "text" }))),
    el("td", {}, el("button", { type: "button", title: "remove this line", onclick: () => (row.remove(), price()) }, "×")));
  $("#lines tbody").append(row);
}

function cartInput() {
  const lines = [...$("#lines tbody").rows].map((row) => {
    const line = Object.fromEntries([...row.querySelectorAll("input")].map((input) => [input.name, input.value.trim()]));
    const known = Object.fromEntries(Object.entries(line).filter(([name, value]) => FIELDS.includes(name) && value !== ""));
    return { ...known, sku: line.sku || "?", quantity: Number(line.quantity) };
  });
  const codes = $("#codes").value.split(",").map((code) => code.trim()).filter(Boolean);
  return { currency: $("#currency").value.trim(), lines, codes, shipping: $("#shipping").value.trim() || null };
}

const price = later(async () => {
  const out = $("#price");
  if (!session) return out.replaceChildren(el("p", { className: "quiet" }, "Sign in to see what this cart costs."));
  try {
    const { quoteCart } = await graphql(
      `query ($input: QuoteCartInput!) {
        quoteCart(input: $input) {
          quote {
            currency
            subtotal { amount }
            total { amount }
            shipping { price { amount } discount { amount } }
            points
            lines { sku quantity subtotal { amount } discount { amount } total { amount } applied { promotion amount { amount } } }
            promotions { name status saved { amount } }
            whyNot(first: 100) { name reason { code clause unlock { text } } }
            gifts { sku quantity }
            grants { promotion for }
          }
          userErrors { message field }
        }
      }`,
      { input: { cart: cartInput(), userId: $("#customer").value || null, source: source.value, ...beside() } },
    );
    const { quote, userErrors } = quoteCart;
    out.replaceChildren(...(quote ? receipt(quote) : userErrors.map((e) => el("p", { className: "bad" }, [...(e.field ?? []), e.message].join(" · ")))));
  } catch (error) {
    out.replaceChildren(el("p", { className: "bad" }, error.message));
  }
}, 250);

function receipt(quote) {
  const saved = quote.promotions.filter((p) => p.status.toLowerCase() === "applied");
  const missed = quote.whyNot;
  const money = (value) => el("td", { className: "money" }, value.amount);
  const lines = quote.lines.map((line) => el("tr", {}, el("td", {}, `${line.quantity} × ${line.sku}`), money(line.subtotal),
    el("td", {}, line.applied.map((a) => `${a.promotion} −${a.amount.amount}`).join(", ")), money(line.total)));
  const shipping = el("tr", {}, el("td", {}, "shipping"), money(quote.shipping.price),
    el("td", {}, Number(quote.shipping.discount.amount) ? `−${quote.shipping.discount.amount}` : ""), el("td"));
  const list = (items) => el("ul", { className: "plain" }, ...items);
  return [
    el("div", { className: "big" }, `${quote.total.amount} ${quote.currency}`),
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "line"), el("th", { className: "money" }, "before"), el("th", {}, "who took how much"), el("th", { className: "money" }, "after"))),
      el("tbody", {}, ...lines, shipping)),
    saved.length ? el("h3", {}, "Applied") : null,
    list(saved.map((p) => el("li", { className: "good" }, `${p.name}: ${p.saved.amount}`))),
    missed.length ? el("h3", {}, "Not applied, and why") : null,
    list(missed.map((p) => el("li", {}, `${p.name} `, el("span", { className: "quiet" }, why(p.reason)), " ",
      explainButton({ ...tried(), name: p.name, userId: $("#customer").value || null, cart: cartInput() })))),
    quote.gifts.length || quote.points ? el("p", {}, [...quote.gifts.map((g) => `gift ${g.quantity} × ${g.sku}`), quote.points ? `${quote.points} points` : null].filter(Boolean).join(", ")) : null,
  ].filter(Boolean);
}

const REASONS = {
  SIGN_IN: "for people we know: choose a customer", CODE: "needs its code", NOT_ACTIVE: "not at this time",
  CURRENCY: "in another currency", AUDIENCE: "not for this customer", LIMIT: "used up by this customer", HOLDOUT: "this customer is held out, to compare",
  BUDGET: "its budget is spent", WHEN: "its condition does not hold", NOTHING: "nothing in this cart for it", OUTDONE: "other offers save more",
};
const why = (reason) => (reason ? [REASONS[reason.code] ?? reason.code.replaceAll("_", " ").toLowerCase(), reason.unlock?.text].filter(Boolean).join(": ") : "");

// --- why -----------------------------------------------------------------------------------------

const tried = () => ({ source: source.value, campaignId: beside().campaignId });

// A button that unfolds each test of a rule: whether it holds, and what it lacks.
function explainButton(input) {
  const button = el("button", { type: "button", className: "small", ariaExpanded: "false" }, "why?");
  button.onclick = async () => {
    const open = button.nextElementSibling;
    button.ariaExpanded = String(!open);
    if (open) return open.remove();
    const tree = el("ul", { className: "plain why" }, el("li", {}, "looking …"));
    button.after(tree);
    try {
      const { explainRules } = await graphql(
        `query ($input: ExplainRulesInput!) { explainRules(input: $input) { nodes { depth text holds change } } }`,
        { input },
      );
      tree.replaceChildren(...explainRules.nodes.map(branch));
    } catch (error) {
      tree.replaceChildren(el("li", { className: "bad" }, error.message));
    }
  };
  return button;
}

function branch({ depth, text, holds, change }) {
  const node = el("li", {}, el("span", { className: holds ? "good" : "bad" }, holds ? "✓ " : "✗ "), text, change ? el("span", { className: "quiet" }, ` — ${change}`) : null);
  node.style.marginLeft = `${depth}rem`;
  return node;
}

// --- people --------------------------------------------------------------------------------------

// Segments of these rules; of a text without any, those that are live.
function showSegments(declared) {
  const live = campaignsKnown.flatMap(({ source }) => [...source.matchAll(/^segment (\S+)(?: "([^"]*)")?/gm)].map(([, name, title]) => ({ name, title, live: true })));
  const shown = declared.length ? declared : live;
  $("#segments").replaceChildren(...shown.map((d) => el("button", { type: "button", onclick: (event) => preview(d, event.target) }, d.title ?? d.name)));
}

async function preview(segment, button) {
  document.querySelectorAll("#segments button").forEach((b) => b.setAttribute("aria-pressed", b === button));
  const out = $("#preview");
  out.textContent = "counting …";
  try {
    const { segmentPreview } = await graphql(
      `query ($source: String, $segment: String!, $campaignId: ID) {
        segmentPreview(source: $source, segment: $segment, campaignId: $campaignId) { count sample { id name email } }
      }`,
      segment.live ? { segment: segment.name } : { source: source.value, segment: segment.name, campaignId: beside().campaignId },
    );
    const rows = segmentPreview.sample.map((person) => el("tr", {}, el("td", {}, person.name ?? ""), el("td", { className: "quiet" }, person.email ?? ""),
      el("td", {}, explainButton({ ...(segment.live ? {} : tried()), name: segment.name, userId: person.id }))));
    out.replaceChildren(el("p", {}, el("span", { className: "big" }, segmentPreview.count.toLocaleString()), ` people are in ${segment.name}`), el("table", {}, ...rows));
  } catch (error) {
    out.replaceChildren(el("p", { className: "bad" }, error.message));
  }
}

// --- signing in ----------------------------------------------------------------------------------

$("#sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  const said = event.target.querySelector("output");
  try {
    const { signIn } = await graphql(
      `mutation ($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken } userErrors { message } } }`,
      { input: { email, password } },
    );
    if (!signIn.session) return void (said.textContent = signIn.userErrors.map((e) => e.message).join("; "));
    session = signIn.session;
    said.textContent = "";
    showSignIn(false);
    $("#who span").textContent = email;
    // Whoever signs in again has rules before them.
    if (!campaignsKnown.length) await Promise.allSettled([loadCampaigns(), loadCustomers()]);
    await check();
  } catch (error) {
    said.textContent = error.message;
  }
});

$("#sign-out").addEventListener("click", async () => {
  await graphql(`mutation { signOut(input: {}) { userErrors { message } } }`).catch(() => {});
  location.reload();
});

async function loadCampaigns() {
  // Those that hold rules: campaigns of the past came without.
  const { campaigns } = await graphql(`{ campaigns(first: 100) { edges { node { id title source } } } }`);
  const select = $("#campaign");
  campaignsKnown = campaigns.edges.map(({ node }) => node).filter((campaign) => campaign.source.trim());
  select.append(...campaignsKnown.map(({ id, title }) => el("option", { value: id }, title)));
  select.onchange = () => {
    source.value = campaignsKnown.find(({ id }) => id === select.value)?.source ?? EXAMPLE;
    check();
  };
  const first = campaignsKnown.find((campaign) => /^promotion /m.test(campaign.source)) ?? campaignsKnown[0];
  if (first) {
    select.value = first.id;
    source.value = first.source;
  }
}

async function loadCustomers() {
  const { users } = await graphql(`{ users(first: 50) { edges { node { id name email } } } }`);
  $("#customer").append(...users.edges.map(({ node }) => el("option", { value: node.id }, node.name || node.email)));
}

// --- start ---------------------------------------------------------------------------------------

source.value = EXAMPLE;
addLine({ sku: "GROUND-COFFEE", category: "COFFEE", brand: "National", price: "7.50", quantity: 3 });
addLine({ sku: "SHORTBREAD", category: "COOKIES/CONES", brand: "Private", price: "3.20", quantity: 3 });
addLine({ sku: "TOMATO-SOUP", category: "SOUP", brand: "National", price: "1.89", quantity: 6 });
const checkSoon = later(check, 300);
source.addEventListener("input", () => (underline([]), checkSoon()));
source.addEventListener("scroll", () => ((paint.scrollTop = source.scrollTop), (paint.scrollLeft = source.scrollLeft)));
attachCompletion({ textarea: source, mirror: paint, ask: completions, say: (text) => ($("#help").textContent = text) });
$("#format").addEventListener("click", format);
$("#add").addEventListener("click", () => (addLine(), price()));
$("#cart").addEventListener("input", () => price());
underline([]);
check();
price();
