// A shop that asks with what was generated: it compiles only if the types say what the API means.
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { BeginDocument, CampaignsDocument, SomeoneDocument } from "./made/graphql";

const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes: { Node: ["User", "Campaign"] } }),
  link: new HttpLink({ uri: "/graphql" }),
});

export async function drafts(): Promise<string[]> {
  const { data } = await client.query({
    query: CampaignsDocument,
    variables: { filter: { status: "DRAFT" } },
  });
  // Edges and nodes are never null, and a total is only there if it was counted.
  const total: number | null | undefined = data?.campaigns.totalCount;
  return total === 0 ? [] : (data?.campaigns.edges ?? []).map((edge) => edge.node.title);
}

export async function segments(id: string): Promise<string[] | null> {
  const { data } = await client.query({ query: SomeoneDocument, variables: { id } });
  const node = data?.node;
  return node?.__typename === "User" ? (node.segments ?? []).map((each) => each.segment) : null;
}

export async function begin(title: string): Promise<string | string[]> {
  const { data } = await client.mutate({
    mutation: BeginDocument,
    variables: { input: { title } },
  });
  const done = data?.createCampaign;
  return done?.campaign?.id ?? (done?.userErrors ?? []).map((error) => error.message);
}
