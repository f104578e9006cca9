// Apollo Client against a running API: it asks, changes, and follows what happens meanwhile.
import { readFileSync } from "node:fs";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core/index.js";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions/index.js";
import { createClient } from "graphql-ws";

const [host, token] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const socket = createClient({
  url: `ws://${host}/graphql`,
  connectionParams: { authorization },
  retryAttempts: 0,
});
const over = (link) => new ApolloClient({ link, cache: new InMemoryCache() });
const http = over(new HttpLink({ uri: `http://${host}/graphql`, headers: { authorization } }));
const ws = over(new GraphQLWsLink(socket));

const operations = Object.fromEntries(
  gql(readFileSync("operations.graphql", "utf8")).definitions.map((definition) => [
    definition.name.value,
    { kind: "Document", definitions: [definition] },
  ]),
);
const begin = (title) => http.mutate({ mutation: operations.Begin, variables: { input: { title } } });

// What is told after the place before the first campaign: old news, then what comes.
const heard = [];
const following = new Promise((resolve, reject) => {
  ws.subscribe({ query: operations.Activity, variables: { after: "0" } }).subscribe({
    next: ({ data }) => {
      heard.push(data.campaignActivity);
      if (heard.length === 2) resolve();
    },
    error: reject,
  });
});

const first = (await begin("Spring")).data.createCampaign;
const second = (await begin("Summer")).data.createCampaign;
await following;
socket.dispose();

const { data } = await http.query({ query: operations.Campaigns, variables: { first: 1 } });
const again = await http.query({ query: operations.Someone, variables: { id: first.campaign.id } });
const wrong = await http.query({
  query: gql`query { node(id: "no id") { id } }`,
  errorPolicy: "all",
});
console.log(
  JSON.stringify({
    begun: [first.campaign, second.campaign],
    heard: heard.map(({ type, campaignId }) => ({ type, campaignId })),
    page: data.campaigns,
    again: again.data.node,
    wrong: wrong.error.errors.map((error) => error.extensions.code),
  }),
);
