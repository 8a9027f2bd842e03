import { defineConfig } from 'tenantry/cli';
import { migrations } from './after/migrations.ts';

export default defineConfig({
  services: { projects: { migrations } },
  adopt: {
    service: 'projects',
    tenants: { table: 'company', id: 'id', name: 'name' },
    tables: [
      { table: 'project', tenant: 'company_id' },
      { table: 'task', tenant: { via: 'project_id' } },
    ],
  },
});
