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
      "Catalog",
      "CatalogScope",
      "ChangedUnique",
      "CompiledMigration",
      "CrossingKey",
      "Difference",
      "Direction",
      "DriftOptions",
      "DriftReport",
      "DriftSelector",
      "EachOptions",
      "ErrorDescription",
      "ErrorFields",
      "Fleet",
      "FleetParts",
      "FleetSelector",
      "FleetTarget",
      "FleetTenant",
      "LockReport",
      "LockingOptions",
      "MigrateOptions",
      "MigrationClass",
      "MigrationKind",
      "MigrationList",
      "MovedSequence",
      "Placement",
      "PlannedGroup",
      "PlannedTable",
      "Problem",
      "ProblemBody",
      "ReconcileFailure",
      "ReconcileReport",
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
      "TenantEntry",
      "TenantId",
      "TenantOrmOptions",
      "TenantResult",
      "TenantScope",
      "TenantStatus",
      "UnfitTenant",
      "VerifyReport",
      "Wave",
      "errorCodes",
      "parseSelector",
      "parseTenantId",
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
