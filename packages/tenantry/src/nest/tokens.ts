/** Injection token of the module's options. */
export const tenancyModuleOptions = Symbol('TENANCY_MODULE_OPTIONS');
