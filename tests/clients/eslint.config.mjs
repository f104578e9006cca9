// The linter's own recommendations for schemas, over the schema that is committed.
import graphqlPlugin from "@graphql-eslint/eslint-plugin";

// What has no identity of its own: it is found with what it belongs to. All else is a Node.
const values = `
  ActivityBatch ActivityEntry AuditEntry CampaignReport CampaignTransition Cap Completion Consent
  Declaration DeclarationChange Diagnostic DrawRecord Erasure EventVerdict ExpiringPoints
  ExplanationChange ExplanationNode ExportedDocument FileDiagnostic FormattedRules Gift Grant
  GrantedCode ImportError Interval JourneyArm JourneyChange JourneyExperiment JourneyReport
  MembershipCause MessageReport MessagingPolicy Money NextTier NotAppliedReason Offer OrderLine
  OrderReturn OrderUnits OwnCode PageInfo PersonExport PointsAccount PointsEntry Prize PromotionArm
  PromotionExperiment PromotionReport PromotionVerdict ProofStep PublishedFile PublishedRules Quote
  QuoteLine QuoteShipping Receipt RulesExplanation RulesHover RulesPlan RulesReport SalesReport
  SegmentChange SegmentCost SegmentMember SegmentMembership SegmentOverlap SegmentPreview
  SessionTokens SourceSpan Stock Taken TemplatePreview Topic Unlock UserError
`;

export default [
  {
    files: ["schema.graphql"],
    languageOptions: {
      parser: graphqlPlugin.parser,
      parserOptions: { graphQLConfig: { schema: "schema.graphql" } },
    },
    plugins: { "@graphql-eslint": graphqlPlugin },
    rules: {
      ...graphqlPlugin.configs["flat/schema-recommended"].rules,
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            types: values.trim().split(/\s+/),
            suffixes: ["Payload", "Connection", "Edge"],
          },
        },
      ],
    },
  },
];
