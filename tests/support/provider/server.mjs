// A real OpenID provider for tests: oidc-provider with a login page of its own, on the port of its issuer.
// argv[2] is JSON: {issuer, clients, accessTtl (seconds)}.  Everybody's password is "secret".
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const settings = JSON.parse(process.argv[2]);
const accounts = { ada: { name: "Ada", tenant: "acme" }, bob: { name: "Bob", tenant: "other" } };
const calls = {};
let failing = 0; // the status that the token endpoint answers with while it is above 0

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  cookies: { keys: ["a key for tests only"] },
  claims: { openid: ["sub"], profile: ["name", "tenant"] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: { logoutSource: async (ctx, form) => { ctx.body = logoutPage(form); } },
  },
  findAccount: (ctx, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: settings.accessTtl, AuthorizationCode: 60, IdToken: 300, Interaction: 600, Grant: 3600,
    RefreshToken: 3600, Session: 3600 },
});
for (const event of ["grant.success", "grant.error"]) {
  provider.on(event, (ctx) => {
    const name = `${ctx.oidc?.params?.grant_type} ${event.slice(6)}`;
    calls[name] = (calls[name] ?? 0) + 1;
  });
}

const page = (uid, words) => `<!doctype html><title>Provider</title><p id="words">${words}</p>
<form method="post" action="/interaction/${uid}">
<input name="login"><input name="password" type="password"><button>Log in</button></form>`;

const logoutPage = (form) => `<!doctype html><title>Provider</title><p id="words">log out?</p>${form}
<button form="op.logoutForm" name="logout" value="yes">Log out</button>`;

async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function interact(request, response) {
  const { uid, prompt, session, params, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "consent") {
    const grant = grantId ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true });
  }
  if (request.method === "POST") {
    const form = new URLSearchParams(await read(request));
    if (form.get("login") === "nobody") {
      return provider.interactionFinished(request, response, { error: "access_denied" });
    }
    if (accounts[form.get("login")] && form.get("password") === "secret") {
      return provider.interactionFinished(request, response, { login: { accountId: form.get("login") } });
    }
  }
  response.setHeader("content-type", "text/html");
  response.end(page(uid, request.method === "POST" ? "wrong" : "who are you?"));
}

const serve = provider.callback();
createServer(async (request, response) => {
  const path = new URL(request.url, settings.issuer).pathname;
  try {
    if (path === "/test/calls") return response.end(JSON.stringify(calls));
    if (path === "/test/fail") {
      failing = Number(await read(request));
      return response.end();
    }
    if (path === "/token" && failing) {
      calls.failed = (calls.failed ?? 0) + 1;
      response.statusCode = failing;
      return response.end("{}");
    }
    if (path.startsWith("/interaction/")) return await interact(request, response);
    return serve(request, response);
  } catch (error) {
    response.statusCode = 500;
    return response.end(String(error));
  }
}).listen(Number(new URL(settings.issuer).port), "127.0.0.1");
