export { type Catalog, type SqlExecutor, type TenantEntry } from './catalog/catalog.js';
export { type CatalogScope, type Scope, type TenantScope } from './context/scope.js';
export { errorCodes, type TenancyErrorCode } from './errors/error-codes.js';
export { type ErrorDescription } from './errors/error-description.js';
export { type ErrorFields, TenancyError } from './errors/tenancy-error.js';
export { type AdoptConfig, type AdoptedTable } from './adopt/adopt-config.js';
export type { Adoption, AdoptionOutcome } from './adopt/adoption.js';
export type { AdoptionOptions, LockingOptions } from './adopt/adoption-options.js';
export { type AdoptionEvent, type AdoptionPhase } from './adopt/adoption-context.js';
export {
  type AdoptionPlan,
  type ChangedUnique,
  type CrossingKey,
  type MovedSequence,
  type PlannedTable,
  type UnfitTenant,
} from './adopt/adoption-plan.js';
export { type AdoptionStatus } from './adopt/adoption-store.js';
export { type AdoptionProblem } from './adopt/adoption-ground.js';
export { type LockReport } from './adopt/lock-and-move.js';
export { type Difference, type VerifyReport } from './adopt/verify.js';
export { type ReconcileFailure, type ReconcileReport } from './provision/reconcile-report.js';
export { type TenantEvent, type TenantEventType, tenantEventTypes } from './lifecycle/events/tenant-event.js';
export type { TenantEventListener, TenantEvents } from './lifecycle/events/tenant-events.js';
export {
  type OperationEvent,
  type OperationRecord,
  type OperationStatus,
} from './lifecycle/operations/operation-record.js';
export { type Json, type JsonObject } from './lifecycle/operations/operation-step.js';
export { type TenantPage } from './lifecycle/tenants/read-tenants.js';
export { type TenantDetails, type TenantRecord, type TenantSchemaRecord } from './lifecycle/tenants/tenant-record.js';
export {
  type DueErasure,
  type EraseOptions,
  type Erasure,
  type TenantOperationOptions,
  type Tenants,
} from './lifecycle/tenants/tenants.js';
export { type CopyReport, type LeftBehind } from './copies/copied-tenant.js';
export { type CopyProgress, type CopyWatch } from './copies/rows/copy-progress.js';
export { type ExportReport } from './copies/tenant-file/export-tenant.js';
export {
  type CloneOptions,
  type ExportOptions,
  type ImportOptions,
  type TenantCopies,
} from './copies/tenant-copies.js';
export { type DriftOptions, type DriftSelector } from './drift/drift-options.js';
export { type DriftReport } from './drift/drift-report.js';
export { type EachOptions, type TenantResult } from './fleet/each-tenant.js';
export type { Fleet, MigrateOptions, RunningRollout } from './fleet/fleet.js';
export type { FleetTarget } from './fleet/fleet-target.js';
export { type FleetTenant } from './fleet/fleet-tenant.js';
export { type BlockedBackend, type OpenTransaction } from './fleet/open-transaction.js';
export { type PlanFinding } from './fleet/plan-finding.js';
export { planAsJson, type PlanJson } from './fleet/plan-json.js';
export {
  type Report,
  type ReportColumn,
  type ReportFailure,
  type ReportOutcome,
  type ReportRow,
} from './query/report.js';
export { type ReportOptions, type ReportParameter } from './query/report-options.js';
export { type RolloutEvent, type RolloutOutcome } from './fleet/rollout-event.js';
export { type Direction, type PlannedGroup, type RolloutPlan, type Staging, type Wave } from './fleet/rollout-plan.js';
export { type RolloutRecord, type RolloutStatus } from './fleet/rollout-store.js';
export type { RolloutFailure } from './fleet/rollout-failure.js';
export type { RolloutOptions } from './fleet/rollout-options.js';
export { type FleetSelector, parseSelector } from './fleet/selector.js';
export { type CompiledMigration, type MigrationKind } from './migrations/tenant-migration.js';
export { type MigrationClass, type MigrationList } from './migrations/tenant-migration.js';
export { type SharedSchema, type TenancyLogger, type TenancyOptions, type TenantRows } from './options.js';
export { type TenantOrmOptions } from './orms/mikro-orm/orm-options.js';
export { translateError } from './postgres/translate-error.js';
export { Tenancy } from './tenancy.js';
export { type RoleName, type SchemaName } from './tenant/schema-name.js';
export { type ServiceName } from './tenant/service-name.js';
export { type Placement, type Tenant, type TenantStatus, tenantStatuses } from './tenant/tenant.js';
export { parseTenantId, type TenantId } from './tenant/tenant-id.js';
export { type Problem, type ProblemBody, toProblem } from './http/to-problem.js';
