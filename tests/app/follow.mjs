// Follows a feed by server-sent events, breaking its own connection after every few answers.
// Prints the cursors that reach whoever subscribed by `resumable`, and how often it connected.

import { resumable } from "../../examples/apollo/resumable.mjs";

const [url, token, breakAfter, until] = process.argv.slice(2);
let connections = 0;

const client = {
  subscribe(payload, sink) {
    const broken = new AbortController();
    connections += 1;
    listen(payload, sink, broken).catch(sink.error);
    return () => broken.abort();
  },
};

async function listen(payload, sink, broken) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      accept: "text/event-stream",
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(payload),
    signal: broken.signal,
  });
  let text = "";
  let answers = 0;
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop();
    for (const line of lines.filter((line) => line.startsWith("data: "))) {
      const answer = JSON.parse(line.slice(6));
      if (answer.errors) throw answer.errors;
      sink.next(answer);
      answers += 1;
      if (answers === Number(breakAfter)) {
        broken.abort();
        throw new Error("the connection broke");
      }
    }
  }
}

const seen = [];
const finish = (error) => {
  console.log(JSON.stringify({ seen, connections, error }));
  process.exit(0);
};
resumable(client, { pause: 10 }).subscribe(
  {
    query: "subscription ($after: String) { orderEvents(after: $after) { cursor } }",
    variables: { after: process.argv[6] ?? "0" },
  },
  {
    next(answer) {
      seen.push(Number(answer.data.orderEvents.cursor));
      if (seen.length === Number(until)) finish();
    },
    error: (errors) => finish(errors[0].extensions.code),
    complete: () => finish("complete"),
  },
);
