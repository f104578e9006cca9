// Has a subscription go on where it was. A client of graphql-ws connects again by itself, but asks
// again with the `after` that it began with. Here it asks for what comes after what came last:
//
//   const client = createClient({ url, connectionParams, retryAttempts: 0 });
//   const link = new GraphQLWsLink(resumable(client)); // for Apollo
//
// The document has to take `$after: String` and to select `cursor`. Give an `after` to begin with:
// without one, news that come before the first answer are lost if the connection breaks.

const AGAIN = ["LAGGED", "UNAVAILABLE"];

export function resumable(client, { pause = 1000 } = {}) {
  return {
    ...client,
    subscribe(payload, sink) {
      let after = payload.variables?.after;
      let stop = () => {};
      let timer;
      const begin = () => {
        const variables = { ...payload.variables, after };
        stop = client.subscribe({ ...payload, variables }, {
          next(answer) {
            const [told] = Object.values(answer.data ?? {});
            after = told?.cursor ?? after;
            sink.next(answer);
          },
          error(error) {
            // A list is what the server refuses; anything else is a connection that broke.
            const refused = Array.isArray(error) && !AGAIN.includes(error[0]?.extensions?.code);
            if (refused) sink.error(error);
            else timer = setTimeout(begin, pause);
          },
          complete: () => sink.complete(),
        });
      };
      begin();
      return () => {
        clearTimeout(timer);
        stop();
      };
    },
  };
}
