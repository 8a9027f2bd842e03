import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable, NotFoundException } from '@nestjs/common';
import type { CreateItem, ItemPage, UpdateItem } from './item.schema.js';
import { Item } from './item.entity.js';

/** Written as for a single tenant: the EntityManager is the one of the tenant that the request names. */
@Injectable()
export class ItemsService {
  constructor(private readonly em: EntityManager) {}

  async create(data: CreateItem): Promise<Item> {
    const item = this.em.create(Item, data);
    await this.em.flush();
    return item;
  }

  /** Plain objects: a page that is only shown needs no entities, which would cost more than all else in the request. */
  list({ after, limit }: ItemPage): Promise<Item[]> {
    const items = this.em.createQueryBuilder(Item).select('*').orderBy({ id: 'asc' }).limit(limit);
    if (after) items.where({ id: { $gt: after } });
    return items.execute();
  }

  async get(id: string): Promise<Item> {
    const item = await this.em.findOne(Item, id);
    if (!item) throw new NotFoundException('There is no such item.');
    return item;
  }

  async update(id: string, data: UpdateItem): Promise<Item> {
    const item = await this.get(id);
    this.em.assign(item, data);
    await this.em.flush();
    return item;
  }

  async remove(id: string): Promise<void> {
    const deleted = await this.em.nativeDelete(Item, { id });
    if (deleted === 0) throw new NotFoundException('There is no such item.');
  }
}
