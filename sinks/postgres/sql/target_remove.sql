-- Forget a target, its positions and its dead letters. Parameter: name.
delete from portrait.targets where name = %(name)s returning id
