// A person at a browser: opens an address, fills in the provider's forms, and signs in.
//
//   node browser.mjs ADDRESS PERSON

const [address, person] = process.argv.slice(2);
const cookies = new Map();

async function open(url, form) {
  for (let hops = 0; hops < 20; hops += 1) {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      redirect: 'manual',
      // On a connection of its own: the provider may end one that is kept just as the next form is sent.
      headers: { connection: 'close', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    if (answer.status < 300 || answer.status >= 400) return { url, status: answer.status, page: await answer.text() };
    url = new URL(answer.headers.get('location'), url).href;
    form = undefined;
  }
  throw new Error('the provider sends us in circles');
}

function filledIn(page) {
  const fields = {};
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const of = (name) => new RegExp(`${name}="([^"]*)"`).exec(input)?.[1];
    if (of('name')) fields[of('name')] = of('value') ?? '';
  }
  if ('login' in fields) Object.assign(fields, { login: person, password: 'x' });
  return fields;
}

let seen = await open(address);
for (let forms = 0; forms < 10; forms += 1) {
  const action = /<form[^>]*action="([^"]*)"/.exec(seen.page)?.[1];
  if (!action) {
    if (seen.status !== 200) throw new Error(`${seen.url} answers ${seen.status}: ${seen.page}`);
    console.log('done');
    process.exit(0);
  }
  seen = await open(new URL(action, seen.url).href, filledIn(seen.page));
}
throw new Error(`the forms do not end: ${seen.page}`);
