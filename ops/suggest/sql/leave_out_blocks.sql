-- Blocks by {block} of more than {largest} records are no blocks.
update compared set {block} = null
where {block} in (select {block} from compared where {block} is not null group by {block} having count(*) > {largest})
