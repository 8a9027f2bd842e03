import { SetMetadata } from '@nestjs/common';

export const catalogScopeKey = 'tenantry:catalog-scope';

/**
 * Marks a controller or a route that serves no tenant: it runs in the catalog scope, and a request needs no tenant.
 *
 * @example
 * ```ts
 * class PlansController {
 *   @CatalogScope()
 *   @Get('plans')
 *   list() {
 *     return em.execute('select name from billing.plan');
 *   }
 * }
 * ```
 */
export const CatalogScope = (): ClassDecorator & MethodDecorator => SetMetadata(catalogScopeKey, true);
