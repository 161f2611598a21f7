"""Signs of SQL injection: words, token letters and the shapes made of them.  waf_sql.pyx reads values against it.

A value becomes a string of letters, one for each token:

  B begins bare      n number            l (            S select     V insert, drop …   F function of a database
  Q begins behind    s string            r )            U union      T table, view …    z function that waits
    a closed quote   w other word        m ,            D all, top   I into             f other function's name
  P the same, the    k null, true, user  j ;            R from       N set              X waitfor
    quote opens one
  E end
  c short comment    v @name             a + - / % …    W where      K values           Y name of a system's own
  d long comment     g @@name            t *            H having     J declare          L procedure   A analyse
    (both to the     o and, or, &&       e = < > …      O order      C case   M when      y other word of SQL
    end)             p ||                h like, in …   b by   i isnull   x not   u outfile   q other sign

Runs of l, r, a, x, j and s count as one.
"""

from __future__ import annotations

#: letter: words of that letter.  f, F and z are followed by "(", or they are w.
_WORDS = {
    "o": "and or xor",
    "x": "not binary",
    "h": "like rlike ilike regexp regexp_like in between is glob similar",
    "k": "null true false user current_user session_user system_user unknown",
    "S": "select",
    "U": "union intersect except minus",
    "D": "all distinct distinctrow top",
    "R": "from",
    "I": "into",
    "i": "isnull notnull",
    "u": "outfile dumpfile",
    "W": "where",
    "H": "having",
    "O": "order group",
    "b": "by",
    "C": "case",
    "M": "when",
    "K": "values",
    "N": "set",
    "J": "declare",
    "V": """insert update delete drop create alter exec execute truncate merge replace grant revoke shutdown rename
        call load copy prepare handler attach backup restore""",
    "T": "table database view index function login schema trigger role sequence column tablespace temporary",
    "a": "div mod",
    "X": "waitfor",
    "L": "procedure",
    "A": "analyse analyze",
    "y": """as asc desc join inner outer left right cross natural on using collate escape partition over with recursive
        limit offset fetch for if then else end exists any some cast convert cascade constraint default sounds returning
        begin use print show delay interval char varchar int integer numeric text date time timestamp""",
    "z": "sleep benchmark",
    "F": """pg_sleep pg_sleep_for load_file extractvalue updatexml xmltype randomblob generate_series json_keys
        gtid_subset gtid_subtract make_set elt current_setting query_to_xml database_to_xml openrowset
        opendatasource get_host_address receive_message group_concat string_agg wm_concat lo_import lo_export
        pg_read_file load_extension sqlite_version ora_hash
        name_const raise_error regexp_substring crypt_key
        fn_sqlvarbasetostr fn_listextendedproperty has_dbaccess is_srvrolemember xmlagg
        suser_name suser_sname """,
    "Y": """information_schema dual sysobjects syscolumns sysusers sysdatabases sysibm sysmaster syscat pg_catalog
        pg_user pg_shadow pg_tables pg_class pg_database sqlite_master sqlite_schema sqlite_temp_master all_tables
        all_users all_tab_columns user_tables user_tab_columns v$version msysobjects msysaccessobjects
        xp_cmdshell utl_http utl_inaddr utl_file utl_smtp dbms_pipe dbms_lock dbms_xmlgen
        dbms_utility dbms_ldap dbms_output httpuritype ctxsys domain.domains xp_regread xp_dirtree
        sys.objects sys.tables sys.columns sys.databases sys.schemas sys.sysobjects sys.all_objects sys.user$""",
}

WORDS: tuple[tuple[str, str], ...] = tuple((word, letter) for letter, words in _WORDS.items() for word in words.split())

PREFIXES: tuple[str, ...] = ("xp_", "sp_", "dbms_", "utl_", "rdb$", "mysql.", "master.", "msdb.")
"""What begins a system's own name (Y): a word up to its first ".", "_" or "$"."""

#: Parts of shapes.  before: signs, "not" and "(" in front of an operand; const: an operand that is no plain word.
_PARTS = {
    "<before>": "[xla]*",
    "<const>": "[nskvg]",
    "<call>": "[fFzVY]l",
    "<calc>": "([atp][xla]*[nskvgw]r?)*",
    "<quote>": "[QP]r?",
    "<number>": "B[la]*nr?([atpe][xla]*[nskvg]r?)*",
    "<list>": "([nskvgwt](m[nskvgwt])*)",
    "<wait>": "zl[xla]*([nsvkg]([matpcdE]|r)|[fFzSC])",
    "<end>": "[cdE]",
}

_SHAPES = (
    # NOTE: three plain words in a row, or a closing quote with two operands behind it, are SQL in no place: there the
    # value is prose, and the rest of it need not be read.
    ("", "www"),
    ("", "[QP][wnk][wns]"),
    # behind the quote that closes the application's string
    ("sql-tautology", "<quote>[op]<before>(y?<const>r?<calc>x?[eh]|l<const>m|sq)"),
    ("sql-tautology", "<quote>[op]<before>wr?<calc>e"),
    ("sql-tautology", "<quote>[op]<before>wr?x?hx?[slkvg]"),
    ("sql-tautology", "<quote>[op]<before><const>r?<calc>(<end>|[opjUOL])"),
    ("sql-tautology", "<quote>[op]<before>wr?c"),
    ("sql-tautology", "<quote>pw[pE]"),
    ("sql-tautology", "<quote>[et][xla]*s([cd]|[op])|Qr?[et][xla]*sE"),
    ("sql-tautology", "<quote>x?y?h<before>s[cdopathei]|Qr?x?y?h<before>sE|<quote>hx?k(<end>|o)|<quote>hx?n[cdoatpe]"),
    ("sql-tautology", "<quote>(i|ywe|xk[cdo]|y[nskw](c|[op]<before>s)|[op]<before>wr?[op]<before>s)"),
    ("sql-tautology", "<quote>e<before>[nkvg]r?([cd]|[op])"),
    ("sql-tautology", "<quote>[HW]<before>(<const>r?[eh]|wr?e)"),
    (
        "sql-arithmetic",
        "<quote>([atpeh][xla]*[nskvgw]r?)+i?(c|[op]<before>sE)|Qr?([atp][xla]*[nskvgw]r?)+[atpe]<before>sE",
    ),
    ("sql-arithmetic", "Qr?[at][xla]*sE"),
    ("sql-arithmetic", "<quote>[at]<before>[nkw]r?([at]<before>[nkw]r?)*[at]<before>sE"),
    ("sql-function", "<quote>[opeHWm]<before><call>|Qr?[at]<before><call>|P[at]<before>([FzY]l|flS)|<quote>[at]g"),
    ("sql-function", "<quote>(m<before>[nskvgw]r?)+m<before><call>"),
    ("sql-function", "<quote>Ob<before><call>"),
    ("sql-select", "<quote>[opateHWmh]<before>[SC]"),
    ("sql-union", "<quote>UD*l?[SK]"),
    ("sql-order", "<quote>(Ob(<before>n|w[cH])|yn(mn|c))"),
    ("sql-stacked", "<quote>jy?l?([SVXJ]|N[wv])|<number>j(V|S|Nw)"),
    ("sql-comment", "<quote>j?c"),
    ("sql-comment", "<quote>(m<before>[nskvgw]r?)+j?c|<quote>mwe<before>[nskvg]r?(<end>|[mW])"),
    # anywhere
    ("sql-union", "UD*l?Sl?D*(n[mcdErURa]|[sktvgfFzCYlxa]|wm|wr?R)"),
    ("sql-union", "UDl?S|UD*l?Kl|<number>UD*l?[STK]"),
    ("sql-select", "[opaemlxjhUSCMtHWKQbD]<before>lSD*[nskvgtfFzlCYwx]"),
    ("sql-select", "flSD*([ntfFzlskvgYCx]|w[mRa])"),
    ("sql-select", "Bl?lSD*([ntsfFzlkvgYCx]|wm|wRw[^w])"),
    ("sql-select", "[wnrsy]lSD*([tfFzgYCl]|[nsk][mRac])"),
    ("sql-select", "[op]l?S[tnfFzsvgl]"),
    ("sql-select", "SD*tR|SD*<list>RY|RY[EcdrjUWOLoqm]|S[FzY]|Sg|SC[M]|Ss[pa]|Sf(lr|lt|l[nsk])"),
    ("sql-select", "SD*w(mw)*RwW<before>([nskvgw]r?x?e|[nskvgw]x?h[slnk]|<call>)"),
    ("sql-select", "SD*([nskt](m[nskvgwt])*|w(m[nskvgwt])+)Rw(<end>|[jWUOHr])"),
    ("sql-select", "BSD*n(m[nsk])+<end>|Sflw(mw)*r[mRap]"),
    ("sql-stacked", "jV([TL]|I|R|Y|v|g|wN|wK|l|c|oV|k[ws])|jX|jF|jJv|jNv"),
    ("sql-stacked", "jS([nsktvgfFzlCY]|wm|wRw(<end>|[jW]))"),
    ("sql-stacked", "VwNwe|VIw(l(wm)*wr)?[KS]|VRwW[wnsk]x?[eh]|VRw[jc]|V[TL]w?[jc]|VY|Jv[wye]"),
    ("sql-tautology", "o<before>[nsk]r?<calc>x?e<before>[nsk]|p<before>sr?e<before>s"),
    ("sql-tautology", "o<before>sr?x?h<before>s|o<before>gr?e<before>[vgnsk]"),
    ("sql-tautology", "<number>[op]<before>([nskvg]r?<calc>(x?e|x?hx?[nskl]|[cd])|wr?e|k<end>)"),
    ("sql-tautology", "Br?o<before>[nskvg]r?(e|x?h[nskl]|c)"),
    ("sql-tautology", "[HW]<before>[ns]r?(e<before>[ns]|x?h[ns]r?[oc])"),
    ("sql-function", "<number>[op]<before><call>|Br?o<before>(flr?[eE]|[FzY]l)|<number>(I[vu]|H<before>n)|Bnrj?c"),
    ("sql-time", "X[wy]?[svg]|(B|[opatmhxS])l?[xa]?<wait>|([QPBnskr]e)<wait>|fl<wait>[mo]"),
    ("sql-function", "Fl|Yl|pY|LAl|Iu"),
    ("sql-function", "fl<before>[ns]r?[eh]<before>[nsk]r?m|Bl[nsk]r?e<before>[nsk]r[at]"),
    ("sql-select", "[lmopaeSh]C(M|[nsk]M)|BCMl?[ns]e"),
    ("sql-order", "<number>Ob<before>n|Br?Ob<before>n(mn)*c"),
    ("sql-function", "Ba?gE|[opm]g"),
)


def _spelled(shape: str) -> str:
    for name, part in _PARTS.items():
        shape = shape.replace(name, part)
    return shape


SHAPES: tuple[tuple[str, str], ...] = tuple((name, _spelled(shape)) for name, shape in _SHAPES)
"""(rule, pattern over the letters), the first that ends counts; the rule "" ends the reading without a find."""
