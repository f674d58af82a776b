-- Whether something that people decided waits to be carried out.
select exists (select from portrait.unsettled where judged)
