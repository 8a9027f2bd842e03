import { EntityManager, wrap } from '@mikro-orm/postgresql';
import { Injectable, NotFoundException } from '@nestjs/common';
import { planAsJson, type PlanJson, type ReconcileReport, Tenancy, type TenantStatus } from 'tenantry';
import { User } from './user.entity.js';
import type { CreateUser, UpdateUser, UserPage } from './user.schema.js';

/** A user, and whether its tenant is served. */
export type ServedUser = Omit<User, 'deletedAt'> & { readonly status: TenantStatus };

/** Users are tenants: each change of a user and of its tenant is one transaction. */
@Injectable()
export class UsersService {
  constructor(
    private readonly em: EntityManager,
    private readonly tenancy: Tenancy,
  ) {}

  create({ fullName }: CreateUser): Promise<User> {
    return this.em.transactional(async (em) => {
      const user = em.create(User, { fullName });
      await em.flush();
      await this.tenancy.catalog.create({ id: user.id, name: fullName }, em);
      return user;
    });
  }

  list({ after, limit }: UserPage): Promise<User[]> {
    return this.em.find(
      User,
      { deletedAt: null, ...(after && { id: { $gt: after } }) },
      { orderBy: { id: 'asc' }, limit },
    );
  }

  async get(id: string): Promise<User> {
    const user = await this.em.findOne(User, { id, deletedAt: null });
    if (!user) throw new NotFoundException('There is no such user.');
    return user;
  }

  update(id: string, { fullName }: UpdateUser): Promise<User> {
    return this.em.transactional(async (em) => {
      const user = await this.get(id);
      if (fullName === undefined) return user;
      user.fullName = fullName;
      await em.flush();
      await this.tenancy.catalog.rename(id, fullName, em);
      return user;
    });
  }

  /** Nobody is served for this user any more, within a second; all data stays. */
  suspend(id: string): Promise<ServedUser> {
    return this.em.transactional(async (em) => {
      const user = await this.get(id);
      const { status } = await this.tenancy.tenants.suspend(id, em);
      return { ...wrap(user).toObject(), status };
    });
  }

  /** Serves a suspended user again. */
  resume(id: string): Promise<ServedUser> {
    return this.em.transactional(async (em) => {
      const user = await this.get(id);
      const { status } = await this.tenancy.tenants.resume(id, em);
      return { ...wrap(user).toObject(), status };
    });
  }

  /** Soft: the row and the tenant's schemas stay, but nobody serves them any more. */
  remove(id: string): Promise<void> {
    return this.em.transactional(async (em) => {
      const user = await this.get(id);
      user.deletedAt = new Date();
      await em.flush();
      await this.tenancy.catalog.setStatus(id, 'deleted', em);
    });
  }

  /** Brings every tenant of every service to head. */
  migrate(): Promise<ReconcileReport> {
    return this.tenancy.reconcile();
  }

  /** What {@link UsersService.migrate} would do now; changes nothing. */
  async planMigration(): Promise<PlanJson[]> {
    return (await this.tenancy.planReconcile()).map(planAsJson);
  }
}
