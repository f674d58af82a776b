-- What a setting is set to.
select value from portrait.settings where name = %(name)s
