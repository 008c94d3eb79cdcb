// What `@microsoft/fetch-event-source`, which is made for browsers, asks of them.
Object.assign(globalThis, {
  document: { hidden: false, addEventListener() {}, removeEventListener() {} },
  window: globalThis,
});
