"""Words by which job titles, employers, degrees and schools are told apart."""

import re

TITLE = re.compile(
    r"(?<!\w)(?:\w*engineer|\w*developer|manager(?:in)?|lead|leader|head|director|analyst|designer(?:in)?|consultant|architect"
    r"|specialist|officer|assistant|professor|researcher|scientist|teacher|nurse|accountant|administrator|technician|intern"
    r"|trainee|representative|agent|advisor|adviser|executive|coordinator|supervisor|president|founder|partner|editor|writer"
    r"|recruiter|tutor|lecturer|programmer|owner|maintainer|fellow|chef|cook|driver|clerk|secretary|freelancer?"
    r"|\w*entwickler(?:in)?|\w*leiter(?:in)?|\w*berater(?:in)?|\w*ingenieur(?:in)?|\w*kaufmann|\w*kauffrau|\w*mitarbeiter(?:in)?"
    r"|referent(?:in)?|werkstudent(?:in)?|praktikant(?:in)?|sachbearbeiter(?:in)?|assistent(?:in)?|architekt(?:in)?"
    r"|ingénieure?|développeu(?:r|se)|responsable|conseill(?:er|ère)|chargée?|cheffe?|directeur|directrice|stagiaire"
    r"|assistante?|technicien(?:ne)?|professeure?|vendeu(?:r|se)|comptable|consultante?"
    r"|ingenier[oa]|desarrollador(?:a)?|jef[ea]|gerente|analista|diseñador(?:a)?|becari[oa]|consultor(?:a)?|director(?:a)?"
    r"|profesor(?:a)?|técnic[oa]|encargad[oa]|coordinador(?:a)?|engenheir[oa]|desenvolvedor(?:a)?|coordenador(?:a)?"
    r"|estagiári[oa]|programista|programistka|kierownik|kierowniczk[ai]|zastępczyni|specjalist(?:a|ka)|konsultant(?:ka)?"
    r"|inżynier|asystent(?:ka)?|księgow[ya]|dyrektor(?:ka)?|analityk|projektant(?:ka)?|stażyst(?:a|ka))(?!\w)"
    r"|工程师|设计师|经理|主管|专员|总监|开发|顾问|实习生|助理|分析师|エンジニア|デザイナー|マネージャー|リーダー|担当|サポート|係|主任|課長|部長"
    r"|営業|店長|コンサルタント|プログラマー",
    re.IGNORECASE,
)
EMPLOYER = re.compile(
    r"(?<!\w)(?:gmbh|ag|kg|ug|se|e\.?v|ltd|limited|llc|llp|inc|corp|corporation|plc|co|company|group|holding|bv|b\.v|nv|oy|ab"
    r"|as|s\.?a\.?s?|s\.?l\.?u?|sarl|s\.r\.l|lda|ltda|sp\. ?z ?o\.? ?o|university|universität|université|universidad"
    r"|universidade|uniwersytet|school|institute|institut|college|hospital|klinikum|bank|labs?|studio|agency|council|ministry"
    r"|foundation|software|technologies|solutions|systems|logistics|services|versand|energie)(?!\w)"
    r"|公司|集团|工作室|事务所|大学|学校|医院|銀行|银行|株式会社|有限会社|合同会社|ホテル|研究所|病院",
    re.IGNORECASE,
)
INSTITUTION = re.compile(
    r"(?<!\w)(?:university|college|school|institute|academy|polytechnic|universität|hochschule|fachhochschule|gymnasium"
    r"|akademie|berufsschule|hogeschool|université|école|lycée|institut|iut|universidad|escuela|instituto|universidade|escola"
    r"|faculdade|uniwersytet|politechnika|akademia|szkoła|liceum|eth|mit)(?!\w)|大学|学院|学校|専門学校|高校|高等学校|研究院",
    re.IGNORECASE,
)
# How far a degree reaches: 1 vocational or school, 2 bachelor, 3 master, 4 doctorate.
DEGREES: tuple[tuple[int, re.Pattern[str]], ...] = (
    (
        4,
        re.compile(
            r"(?<!\w)(?:ph\.?\s?d|doctorate|doctor of|dphil|promotion|doktor\w*|doctorat|doctorado|doutorado)(?!\w)"
            r"|博士",
            re.IGNORECASE,
        ),
    ),
    (
        3,
        re.compile(
            r"(?<!\w)(?:master(?:'s)?|m\.?sc|m\.?eng|mba|m\.?a(?=\W)|diplom(?:-\w+)?|magister|magisterka|máster|mestrado"
            r"|maestría|staatsexamen|diplôme d'ingénieur)(?!\w)|硕士|修士",
            re.IGNORECASE,
        ),
    ),
    (
        2,
        re.compile(
            r"(?<!\w)(?:bachelor(?:'s)?|b\.?sc|b\.?eng|b\.?a(?=\W)|bcom|ba|licence|licenciatura|licencjat|grado|graduação"
            r"|inżynier(?:\s\w+)?|degree|studium|hochschulabschluss|undergraduate)(?!\w)|本科|学士|大学卒|卒業",
            re.IGNORECASE,
        ),
    ),
    (
        1,
        re.compile(
            r"(?<!\w)(?:diploma|certificate|apprenticeship|ausbildung|kaufmann|kauffrau|fachinformatiker(?:in)?|abitur|bts|dut"
            r"|baccalauréat|bac|bachillerato|técnico|technik|matura|course|a-levels)(?!\w)|专科|高中|高校",
            re.IGNORECASE,
        ),
    ),
)


def find_degree(text: str) -> int:
    """Return how far the highest degree named in a text reaches, 0 if it names none."""
    return next((level for level, pattern in DEGREES if pattern.search(text)), 0)
