/**
 * The same comparison as a programmer would write it once, for June 2026 and nothing else: one statement, no definition,
 * no cases, no withdrawal, no record of where a row came from. The bar that the check is measured against.
 */
export const handWritten = `
insert into bench_hit
with claim as (
  select *, coalesce(unemployed_on, benefit_from) as job_end, least(date '2026-06-30', greatest(coalesce(benefit_until, date '2026-06-30'), date '2026-06-30')) as last_day
  from landing.claims where benefit_from <= date '2026-06-30' and (benefit_until is null or benefit_until >= date '2026-06-01' or claim_month = '202606')
)
select c.claim_no, 'reemployment-registration', e.registration_no from claim c join landing.employment_registrations e using (citizen_number)
  where e.employed_on >= c.job_end and e.employed_on <= c.last_day and (e.ended_on is null or e.ended_on > c.benefit_from)
union all select c.claim_no, 'reemployment-contribution', e.record_no from claim c join landing.contributions e using (citizen_number)
  where btrim(e.employer_code) <> '' and e.pay_month >= to_char(c.benefit_from, 'YYYYMM') and e.pay_month <= to_char(c.last_day, 'YYYYMM') and e.pay_month > to_char(c.job_end, 'YYYYMM')
union all select c.claim_no, 'reemployment-income-tax', e.record_no from claim c join landing.income_tax e using (citizen_number)
  where btrim(e.employer_code) <> '' and e.income > 0 and e.tax_month >= to_char(c.benefit_from, 'YYYYMM') and e.tax_month <= to_char(c.last_day, 'YYYYMM') and e.tax_month > to_char(c.job_end, 'YYYYMM')
union all select c.claim_no, 'business-enterprise', e.social_credit_code from claim c join landing.enterprises e on e.legal_representative_number = c.citizen_number
  where coalesce(e.registration_status, '') not in ('注销', '吊销', '撤销', '迁出', '已注销', '已吊销') and e.established_on between c.job_end and c.last_day
union all select c.claim_no, 'business-self-employed', e.social_credit_code from claim c join landing.self_employed e on e.operator_number = c.citizen_number
  where coalesce(e.registration_status, '') not in ('注销', '吊销', '撤销', '迁出', '已注销', '已吊销') and e.registered_on between c.job_end and c.last_day
union all select c.claim_no, 'enlistment', e.citizen_number from claim c join landing.enlistments e using (citizen_number) where e.enlisted_on <= c.last_day and (e.discharged_on is null or e.discharged_on > c.benefit_from)
union all select c.claim_no, 'emigration', e.citizen_number from claim c join landing.emigrations e using (citizen_number) where coalesce(e.left_on, e.cancelled_on) <= c.last_day
union all select c.claim_no, 'pension', e.citizen_number from claim c join landing.pensions e using (citizen_number) where e.started_on <= c.last_day and (e.stopped_on is null or e.stopped_on > c.benefit_from)
union all select c.claim_no, 'job-refusal', e.record_no from claim c join landing.job_refusals e using (citizen_number) where not e.justified and e.refused_on between c.benefit_from and c.last_day
union all select c.claim_no, 'imprisonment', e.record_no from claim c join landing.imprisonments e using (citizen_number) where e.admitted_on <= c.last_day and (e.released_on is null or e.released_on > c.benefit_from)
union all select c.claim_no, 'death-household', e.citizen_number from claim c join landing.household_deaths e using (citizen_number) where coalesce(e.died_on, e.cancelled_on) <= c.last_day
union all select c.claim_no, 'death-funeral', e.citizen_number from claim c join landing.funerals e using (citizen_number) where coalesce(e.died_on, e.cremated_on) <= c.last_day
union all select c.claim_no, 'death-certificate', e.certificate_no from claim c join landing.death_certificates e using (citizen_number) where coalesce(e.died_on, e.issued_on) <= c.last_day
union all select c.claim_no, 'term-over', c.claim_no from claim c where c.months_paid > case when c.contribution_months < 12 then 0 when c.contribution_months < 60 then 12 when c.contribution_months < 120 then 18 else 24 end
union all select c.claim_no, 'duplicate-claim', e.claim_no from claim c join landing.claims e using (citizen_number) where e.claim_no <> c.claim_no and e.benefit_from <= c.last_day and (e.benefit_until is null or e.benefit_until > c.benefit_from)
`;
