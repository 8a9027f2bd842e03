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
      "TenantDetails",
      "TenantEntry",
      "TenantEvent",
      "TenantEventListener",
      "TenantEventType",
      "TenantEvents",
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

// Whoever has one of these at run time can make it or ask `instanceof` of it. Everything else users are given, never make.
it('gives away at run time only what users make, call or compare', async () => {
  const given = async (load: () => Promise<object>) => Object.keys(await load()).toSorted();
  expect(await given(() => import('../../src/index.js'))).toEqual([
    'Tenancy',
    'TenancyError',
    'errorCodes',
    'parseSelector',
    'parseTenantId',
    'planAsJson',
    'tenantEventTypes',
    'tenantStatuses',
    'toProblem',
    'translateError',
  ]);
  expect(await given(() => import('../../src/nest/index.js'))).toEqual([
    'CatalogScope',
    'CurrentTenant',
    'OnTenantEvent',
    'ProblemFilter',
    'TenancyModule',
    'allOf',
    'firstOf',
    'fromClaim',
    'fromHeader',
    'fromPath',
    'fromRequest',
    'fromSubdomain',
    'toProblem',
  ]);
  expect(await given(() => import('../../src/cli/config.js'))).toEqual(['defineConfig', 'loadConfig']);
  expect(await given(() => import('../../src/testing/index.js'))).toEqual(['expectNoLeak', 'formatResults', 'probe']);
});
