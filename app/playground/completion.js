// A small list of what could be written next, beside the caret of a textarea.
// The keyboard stays in the textarea: the list is what its aria-activedescendant points into.

const PAUSE = 120;
const SHOWN = 50;
const WORD = /[\p{L}\p{M}\p{N}_]/u;

const units = (text, points) => Array.from(text).slice(0, points).join("").length;
const points = (text, unit) => Array.from(text.slice(0, unit)).length;

// `ask(source, offset)` answers what could be written there, in code points; `mirror` is an element
// that shows the same text at the same place.
export function attachCompletion({ textarea, mirror, ask, say }) {
  const list = Object.assign(document.createElement("ul"), { id: "completions", className: "completions" });
  const about = Object.assign(document.createElement("p"), { className: "about" });
  const box = Object.assign(document.createElement("div"), { className: "popup", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "What could be written here");
  box.append(list, about);
  document.body.append(box);
  for (const [name, value] of [["autocomplete", "list"], ["haspopup", "listbox"], ["controls", list.id]])
    textarea.setAttribute(`aria-${name}`, value);

  let offered = [];
  let active = 0;
  let turn = 0;
  let timer;

  const isOpen = () => !box.hidden;

  function close() {
    turn += 1;
    clearTimeout(timer);
    box.hidden = true;
    textarea.removeAttribute("aria-activedescendant");
  }

  async function open(wanted) {
    const mine = ++turn;
    const text = textarea.value;
    const caret = textarea.selectionStart;
    let found;
    try {
      found = await ask(text, points(text, caret));
    } catch {
      return close();
    }
    if (mine !== turn || text !== textarea.value || caret !== textarea.selectionStart) return;
    offered = found.slice(0, SHOWN);
    const isWritten = offered.length === 1 && offered[0].insert.trim() === written(offered[0]);
    if (!offered.length || (isWritten && !wanted)) {
      if (wanted) say("Nothing to offer here.");
      return close();
    }
    show();
  }

  const written = ({ offset }) => textarea.value.slice(units(textarea.value, offset), textarea.selectionStart);

  function show() {
    list.replaceChildren(...offered.map((each, index) => option(each, index)));
    box.hidden = false;
    choose(0);
    place();
    say(`${offered.length} suggestions. ${offered[0].label}.`);
  }

  function option({ label, detail, kind }, index) {
    const item = Object.assign(document.createElement("li"), { id: `completion-${index}`, className: kind.toLowerCase() });
    item.setAttribute("role", "option");
    const name = Object.assign(document.createElement("span"), { textContent: label });
    const what = Object.assign(document.createElement("small"), { textContent: detail ?? "" });
    item.append(name, what);
    // Before the textarea loses the focus.
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      active = index;
      accept();
    });
    return item;
  }

  function choose(index) {
    active = (index + offered.length) % offered.length;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", at === active));
    const item = list.children[active];
    textarea.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
    about.textContent = (offered[active].documentation ?? "").replaceAll("`", "");
    about.hidden = !about.textContent;
  }

  function place() {
    const { left, top, bottom } = caretBox();
    const { offsetWidth: width, offsetHeight: height } = box;
    const below = bottom + height + 4 <= innerHeight || top < height;
    box.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    box.style.top = `${below ? bottom + 2 : top - height - 2}px`;
  }

  function caretBox() {
    const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
    let left = textarea.selectionStart;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (left <= node.data.length) {
        const range = document.createRange();
        range.setStart(node, left);
        range.setEnd(node, Math.min(left + 1, node.data.length));
        return range.getClientRects()[0] ?? range.getBoundingClientRect();
      }
      left -= node.data.length;
    }
    return textarea.getBoundingClientRect();
  }

  function accept() {
    const { insert, offset, endOffset } = offered[active];
    const text = textarea.value;
    close();
    textarea.focus();
    textarea.setSelectionRange(units(text, offset), units(text, endOffset));
    // Unlike setRangeText this can be undone.
    if (!document.execCommand("insertText", false, insert)) {
      textarea.setRangeText(insert, textarea.selectionStart, textarea.selectionEnd, "end");
      textarea.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    clearTimeout(timer);
    if (/[ .]$/.test(insert)) open(false);
  }

  const actions = {
    ArrowDown: () => choose(active + 1),
    ArrowUp: () => choose(active - 1),
    PageDown: () => choose(Math.min(active + 8, offered.length - 1)),
    PageUp: () => choose(Math.max(active - 8, 0)),
    Enter: accept,
    Tab: accept,
    Escape: close,
  };

  textarea.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      open(true);
    } else if (isOpen() && !event.isComposing && !event.ctrlKey && !event.metaKey && event.key in actions) {
      // What is written out already is not in the way of a new line.
      if (event.key === "Enter" && offered[active].insert.trim() === written(offered[active])) return close();
      event.preventDefault();
      actions[event.key]();
    } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      close();
    }
  });
  textarea.addEventListener("input", (event) => {
    clearTimeout(timer);
    const typed = textarea.value.slice(0, textarea.selectionStart).at(-1) ?? "";
    const isTyping = event.inputType?.startsWith("insert") && event.inputType !== "insertFromPaste";
    if ((isTyping && (WORD.test(typed) || typed === "." || typed === '"')) || (isOpen() && typed.trim())) {
      timer = setTimeout(() => open(false), PAUSE);
    } else {
      close();
    }
  });
  for (const event of ["blur", "scroll", "pointerdown"]) textarea.addEventListener(event, close);
}
