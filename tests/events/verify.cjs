// What a receiver does: checks a message with the scheme's own library, and goes on with the event.
const { Webhook } = require("standardwebhooks");

const [secret, headers, body] = process.argv.slice(2);
const event = new Webhook(secret).verify(body, JSON.parse(headers));
process.stdout.write(JSON.stringify(event));
