// Replaces the content of the page every ten seconds, if it has changed. Place, focus and open parts stay as they are.
"use strict";

const PAUSE = 10_000;

/** Whether the user is typing, or has selected text to copy. */
const busy = () =>
  document.hidden || !getSelection().isCollapsed || document.activeElement?.matches("main :is(input, select)");

/** The address in a page that leads to the same place as the focus. */
const place = (element) => element && (element.id ? `#${CSS.escape(element.id)}` : element.hasAttribute("href")
  ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : null);

function replace(selector, fresh) {
  const [old, now] = [document.querySelector(selector), fresh.querySelector(selector)];
  if (!old || !now || old.innerHTML === now.innerHTML) return;
  const focus = old.contains(document.activeElement) && place(document.activeElement);
  old.replaceChildren(...now.childNodes);
  if (focus) old.querySelector(focus)?.focus({ preventScroll: true });
}

async function refresh() {
  if (!busy()) {
    const ended = () => document.getElementById("ended");
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      ["main", "footer"].forEach((part) => replace(part, fresh));
      ended().hidden = true;
    } catch {
      ended().hidden = false;
    }
  }
  setTimeout(refresh, PAUSE);
}

setTimeout(refresh, PAUSE);
