import { PostgreSqlConnection } from '@mikro-orm/postgresql';
import { currentScope, runInScope } from '../../context/current-scope.js';
import { lookupScope } from '../../context/scope.js';

/** MikroORM's connection. Whether PostgreSQL answers may be asked anywhere, a health check has no tenant. */
export class ScopedConnection extends PostgreSqlConnection {
  override checkConnection(): ReturnType<PostgreSqlConnection['checkConnection']> {
    return currentScope() ? super.checkConnection() : runInScope(lookupScope, () => super.checkConnection());
  }
}
