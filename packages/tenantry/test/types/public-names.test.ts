import { resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { entries, libraryProgram } from './library-program.js';

const names: Record<string, string[]> = {};
beforeAll(() => {
  const program = libraryProgram();
  const checker = program.getTypeChecker();
  for (const { name, source } of entries) {
    const file = program.getSourceFile(resolve(source));
    const module = file && checker.getSymbolAtLocation(file);
    names[name] = module
      ? checker
          .getExportsOfModule(module)
          .map((symbol) => symbol.name)
          .toSorted()
      : [];
  }
});

// What users build on: a name that goes away is a breaking change, a name that comes is a promise.
it('exports from tenantry what is listed here, types included', () => {
  expect(names['tenantry']).toMatchInlineSnapshot(`
    [
      "AdoptConfig",
      "AdoptedTable",
      "Adoption",
      "AdoptionEvent",
      "AdoptionOptions",
      "AdoptionOutcome",
      "AdoptionPhase",
      "AdoptionPlan",
      "AdoptionProblem",
      "AdoptionStatus",
      "BlockedBackend",
      "Catalog",
      "CatalogScope",
      "ChangedUnique",
      "CloneOptions",
      "CompiledMigration",
      "CopyProgress",
      "CopyReport",
      "CopyWatch",
      "CrossingKey",
      "Difference",
      "Direction",
      "DriftOptions",
      "DriftReport",
      "DriftSelector",
      "DueErasure",
      "EachOptions",
      "EraseOptions",
      "Erasure",
      "ErrorDescription",
      "ErrorFields",
      "ExportOptions",
      "ExportReport",
      "Fleet",
      "FleetParts",
      "FleetSelector",
      "FleetTarget",
      "FleetTenant",
      "ImportOptions",
      "Json",
      "JsonObject",
      "LeftBehind",
      "LockReport",
      "LockingOptions",
      "MigrateOptions",
      "MigrationClass",
      "MigrationKind",
      "MigrationList",
      "MovedSequence",
      "OpenTransaction",
      "OperationEvent",
      "OperationRecord",
      "OperationStatus",
      "Placement",
      "PlanFinding",
      "PlanJson",
      "PlannedGroup",
      "PlannedTable",
      "Problem",
      "ProblemBody",
      "ReconcileFailure",
      "ReconcileReport",
      "Report",
      "ReportColumn",
      "ReportFailure",
      "ReportOptions",
      "ReportOutcome",
      "ReportParameter",
      "ReportRow",
      "RoleName",
      "RolloutEvent",
      "RolloutFailure",
      "RolloutOptions",
      "RolloutOutcome",
      "RolloutPlan",
      "RolloutRecord",
      "RolloutStatus",
      "RunningRollout",
      "SchemaName",
      "Scope",
      "ServiceName",
      "SharedSchema",
      "SqlExecutor",
      "Staging",
      "Tenancy",
      "TenancyError",
      "TenancyErrorCode",
      "TenancyLogger",
      "TenancyOptions",
      "Tenant",
      "TenantCopies",
      "TenantCopiesParts",
      "TenantDetails",
      "TenantEntry",
      "TenantEvent",
      "TenantEventListener",
      "TenantEventType",
      "TenantEvents",
      "TenantEventsOptions",
      "TenantId",
      "TenantOperationOptions",
      "TenantOrmOptions",
      "TenantPage",
      "TenantRecord",
      "TenantResult",
      "TenantRows",
      "TenantSchemaRecord",
      "TenantScope",
      "TenantStatus",
      "Tenants",
      "UnfitTenant",
      "VerifyReport",
      "Wave",
      "errorCodes",
      "parseSelector",
      "parseTenantId",
      "planAsJson",
      "tenantEventTypes",
      "tenantStatuses",
      "toProblem",
      "translateError",
    ]
  `);
});

it('exports from tenantry/nest what is listed here, types included', () => {
  expect(names['tenantry/nest']).toMatchInlineSnapshot(`
    [
      "CatalogScope",
      "ClaimOptions",
      "CurrentTenant",
      "OnTenantEvent",
      "Problem",
      "ProblemBody",
      "ProblemFilter",
      "ResolvableRequest",
      "TenancyModule",
      "TenancyModuleAsyncOptions",
      "TenancyModuleOptions",
      "TenantResolver",
      "allOf",
      "firstOf",
      "fromClaim",
      "fromHeader",
      "fromPath",
      "fromRequest",
      "fromSubdomain",
      "toProblem",
    ]
  `);
});

it('exports from tenantry/testing what is listed here, types included', () => {
  expect(names['tenantry/testing']).toMatchInlineSnapshot(`
    [
      "NoLeakOptions",
      "Outcome",
      "ProbeOptions",
      "ProbeResult",
      "expectNoLeak",
      "formatResults",
      "probe",
    ]
  `);
});
