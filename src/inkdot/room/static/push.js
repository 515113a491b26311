// Allows this browser to be pushed to. Nothing is asked, registered or sent before a button is pressed.
const main = document.querySelector("main");
const state = document.getElementById("state");
const allow = document.getElementById("allow");
const stop = document.getElementById("stop");

const say = (what) => (state.textContent = main.dataset[what] || "");

const tell = async (what) => {
  const answer = await fetch(location.pathname, { method: "POST", body: JSON.stringify(what) });
  if (!answer.ok) throw new Error((await answer.json()).error);
};

const show = (subscribed) => {
  allow.hidden = !!subscribed;
  stop.hidden = !subscribed;
};

const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};

const current = async () => (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();

allow.addEventListener("click", async () => {
  allow.disabled = true;
  try {
    if ((await Notification.requestPermission()) != "granted") return say("denied");
    await navigator.serviceWorker.register("worker.js");
    const { pushManager } = await navigator.serviceWorker.ready;
    const key = bytes(main.dataset.key);
    const subscribe = () => pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    // One made for other keys of the house has to go first.
    const subscription = await subscribe().catch(async () => {
      await (await pushManager.getSubscription())?.unsubscribe();
      return subscribe();
    });
    await tell(subscription.toJSON());
    show(true);
    say("allowed");
  } catch {
    say("failed");
  } finally {
    allow.disabled = false;
  }
});

stop.addEventListener("click", async () => {
  try {
    const subscription = await current();
    if (subscription) {
      await tell({ endpoint: subscription.endpoint, stop: true });
      await subscription.unsubscribe();
    }
    show(false);
    say("ended");
  } catch {
    say("failed");
  }
});

if ("serviceWorker" in navigator && "PushManager" in self && "Notification" in self) {
  current().then(
    (subscription) => {
      show(subscription);
      if (subscription) say("allowed");
    },
    () => show(false),
  );
} else {
  say("missing");
}
