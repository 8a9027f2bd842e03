import { QueryBuilder } from '@mikro-orm/sql';
import { requireTenantScope } from '../../context/current-scope.js';

interface Join {
  readonly table: string;
  readonly schema?: string | undefined;
}

interface JoinHelper {
  createJoinExpression(join: Join, ...rest: unknown[]): unknown;
}

/** What is used here of MikroORM's builder: its own types take the compiler minutes in a class that extends it. */
interface Builder {
  readonly helper: JoinHelper;
  createQueryBuilderHelper(): JoinHelper;
  clone(...args: unknown[]): Builder;
  unsetFlag(flag: string): Builder;
}

/**
 * MikroORM's query builder, with every joined tenant table in the scope's schema. MikroORM looks for it in the schema of the
 * table that the query begins with: from a shared table there would be none, or another one of the same name.
 */
export class ScopedQueryBuilder extends (QueryBuilder as unknown as new (...args: unknown[]) => Builder) {
  override createQueryBuilderHelper(): JoinHelper {
    return joinInScope(super.createQueryBuilderHelper());
  }

  override clone(...args: unknown[]): Builder {
    // It always makes one of its own class, for instance for a condition on a collection.
    const clone = Object.setPrototypeOf(super.clone(...args), ScopedQueryBuilder.prototype) as Builder;
    joinInScope(clone.helper);
    return clone;
  }
}

function joinInScope(helper: JoinHelper): JoinHelper {
  const join = helper.createJoinExpression.bind(helper);
  helper.createJoinExpression = (options, ...rest) => {
    if (options.schema !== '*') return join(options, ...rest);
    const { schema } = requireTenantScope(`The table "${options.table}"`).placement;
    return join({ ...options, schema }, ...rest);
  };
  return helper;
}
