// Generates types for the operations beside it, into the folder that is named, as a shop would.
import { generate } from "@graphql-codegen/cli";

const [schema, out] = process.argv.slice(2);
await generate(
  {
    schema,
    documents: "operations.graphql",
    silent: true,
    generates: { [`${out}/`]: { preset: "client" } },
    config: {
      strictScalars: true,
      scalars: { DateTime: "string", Date: "string", Decimal: "string", JSON: "unknown", URL: "string" },
    },
  },
  true,
);
