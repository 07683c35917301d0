// The rule of `bench-policy`, written in JavaScript: an approval when the environment is production, when the cost is
// above a threshold, or when one of four tags is missing or malformed. It also asks for random numbers and the time,
// so that a world in which these change would show.

const TAG = /^[a-z][a-z0-9-]{2,63}$/;
const TAGS = ["owner", "service", "cost-center", "data-class"];

const approval = (reason) => ({ tag: "require-approval", val: { reason, groups: ["platform"], count: 1 } });

const evaluate = (context, settings) => {
  const { threshold = "500", tags = TAGS, tell = "" } = JSON.parse(settings);
  if (tell === "time") return { tag: "warn", val: [String(Date.now())] };
  if (tell === "random") return { tag: "warn", val: [String(Math.random())] };
  const { request, cost } = context;
  const given = new Map(request.tags);
  if (request.environment.class === "production") return approval("production");
  if (!cost || Number(cost.monthly) > Number(threshold)) return approval("cost");
  if (tags.some((key) => !TAG.test(given.get(key) ?? ""))) return approval("tags");
  return { tag: "allow" };
};

export const approvalPolicy = { evaluate };
export const plugin = {
  describe: () => ({ summary: "The rule of bench-policy in JavaScript.", settingsSchema: '{"type": "object"}' }),
  validateSettings: (settings) => void JSON.parse(settings),
};
