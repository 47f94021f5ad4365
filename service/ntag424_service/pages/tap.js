// Hands the tap in this page's URL to the service once, and says what became of it.
// An accepted tap is announced as the event "ntag424:session" on the document.

const WORDS = {
  en: {
    "checking": ["Checking your tag", "One moment."],
    "signed-in": ["Signed in", "Your tag is genuine. You can carry on."],
    "already-used": [
      "Hold the tag to your phone again",
      "Each tap works once, and this one was already used. Going back to a page can cause this.",
    ],
    "not-verified": [
      "We could not verify this tag",
      "Hold it to your phone again. If that does not help, ask whoever gave you the tag.",
    ],
    "busy": ["Please wait a moment", "You can try again in {seconds}."],
    "ready": ["Please try again", "Thank you for waiting."],
    "our-fault": [
      "Your tag is not at fault",
      "We did not get an answer. Check that you are online, then try again or tap again.",
    ],
    "no-tap": ["Hold a tag to your phone", "Every tap opens this page anew and works once."],
    "again": "Try again",
  },
};

const REFUSALS = {
  400: "not-verified",
  403: "not-verified",
  409: "already-used",
  413: "not-verified",
  429: "busy",
};

// Milliseconds. The last try starts well within the 30 s for which the service repeats its answer.
const PAUSES = [0, 400, 1200];
const PATIENCE = 6000;

const spoken = navigator.languages.map((tag) => tag.split("-")[0]);
const language = spoken.find((tag) => tag in WORDS) || "en";
const words = WORDS[language];
const duration = new Intl.NumberFormat(language, {
  style: "unit",
  unit: "second",
  unitDisplay: "long",
});
const [status, headline, advice, again] = ["status", "headline", "advice", "again"].map((id) =>
  document.getElementById(id),
);

// The latest tap wins: what becomes of an earlier one is not shown.
let latest;

function takeTap() {
  const { href, hash, search } = location;
  // Before anything else: a tap must not stay behind in the address bar or the history.
  history.replaceState(null, "", location.pathname);
  if (!hash && !search) {
    show("no-tap");
    return;
  }
  latest = { url: href, nonce: newNonce() };
  exchange(latest);
}

function newNonce() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

async function exchange(tap) {
  show("checking");
  await visible();
  const { state, session, seconds } = await result(tap);
  if (tap !== latest) {
    return;
  }
  show(state, seconds);
  if (session) {
    document.dispatchEvent(new CustomEvent("ntag424:session", { detail: session }));
  } else if (state === "our-fault") {
    offer(tap);
  } else if (state === "busy") {
    await sleep(1000 * seconds);
    if (tap === latest) {
      show("busy", 0, "ready");
      offer(tap);
    }
  }
}

// Browsers load pages ahead that nobody may come to look at.
function visible() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === "visible") {
        document.removeEventListener("visibilitychange", look);
        resolve();
      }
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

// The same URL and nonce every time, so a lost answer is given again.
async function result(tap) {
  for (const pause of PAUSES) {
    await sleep(pause);
    const answer = tap === latest && (await post(tap));
    if (answer) {
      return answer;
    }
  }
  return { state: "our-fault" };
}

// Resolves to nothing if there is no answer, or none to rely on.
async function post(tap) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE);
  try {
    const answer = await fetch("/v1/taps", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(tap),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: abort.signal,
    });
    if (answer.ok) {
      const { session, subject, expires_at } = await answer.json();
      return session && { state: "signed-in", session: { session, subject, expires_at } };
    }
    const seconds = Math.max(1, Math.ceil(answer.headers.get("Retry-After")) || 10);
    const state = REFUSALS[answer.status];
    return state && { state, seconds };
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function show(state, seconds = 0, text = state) {
  again.hidden = true;
  status.hidden = false;
  status.dataset.state = state;
  const [title, line] = words[text];
  document.title = headline.textContent = title;
  advice.textContent = line.replace("{seconds}", duration.format(seconds));
  if (state !== "checking") {
    headline.focus();
  }
}

function offer(tap) {
  again.onclick = () => exchange(tap);
  again.hidden = false;
}

again.textContent = words.again;
document.documentElement.lang = language;
// A tag tapped while the page is open may change the fragment alone.
addEventListener("hashchange", () => location.hash && takeTap());
takeTap();
