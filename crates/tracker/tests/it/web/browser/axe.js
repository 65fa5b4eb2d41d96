// What axe-core finds, one line each. It was loaded before.
const done = arguments[arguments.length - 1];
const options = OPTIONS;
axe.run(document, { resultTypes: ["violations"], ...options }).then(
  (results) => done(results.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary.replace(/\s+/g, " ").slice(0, 200)}`))),
  (error) => done([String(error)]),
);
