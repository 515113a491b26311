// Shows what is pushed. It reads no page, keeps nothing and asks nobody.
self.addEventListener("push", (event) => {
  let message = {};
  try {
    message = event.data.json();
  } catch {}
  const { title = "Inkdot", text = "", link = "" } = message;
  event.waitUntil(self.registration.showNotification(title, { body: text, data: link }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const link = event.notification.data;
  if (/^https?:/.test(link)) event.waitUntil(self.clients.openWindow(link));
});

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
