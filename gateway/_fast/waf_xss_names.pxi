# The words that the rules of markup.pyx know, in lower case.

cdef enum:
    # what makes an element dangerous
    ALWAYS = 1
    WITH_ATTRIBUTE = 2
    WITH_STYLES = 3
    WITH_EQUIV = 4
    # a closing tag of it leaves an element whose content is text
    RAW = 5

cdef dict ELEMENTS = {
    b"script": ALWAYS, b"iframe": ALWAYS, b"frameset": ALWAYS, b"applet": ALWAYS, b"embed": ALWAYS, b"bgsound": ALWAYS,
    b"isindex": ALWAYS, b"ilayer": ALWAYS, b"portal": ALWAYS, b"fencedframe": ALWAYS, b"foreignobject": ALWAYS,
    b"animate": ALWAYS, b"animatetransform": ALWAYS, b"animatemotion": ALWAYS, b"plaintext": ALWAYS, b"keygen": ALWAYS,
    b"animatecolor": ALWAYS, b"webview": ALWAYS,
    b"object": WITH_ATTRIBUTE, b"frame": WITH_ATTRIBUTE, b"base": WITH_ATTRIBUTE, b"link": WITH_ATTRIBUTE,
    b"set": WITH_ATTRIBUTE, b"layer": WITH_ATTRIBUTE, b"xml": WITH_ATTRIBUTE, b"import": WITH_ATTRIBUTE,
    b"marquee": WITH_ATTRIBUTE, b"handler": WITH_ATTRIBUTE, b"listener": WITH_ATTRIBUTE,
    b"style": WITH_STYLES, b"meta": WITH_EQUIV,
    b"title": RAW, b"textarea": RAW, b"noscript": RAW, b"xmp": RAW, b"noembed": RAW, b"noframes": RAW, b"template": RAW,
    b"select": RAW, b"option": RAW,
}

cdef frozenset EVENTS = frozenset([
    b"on" + name for name in (
        b"abort activate afterprint afterscriptexecute afterupdate animationcancel animationend "
        b"animationiteration animationstart auxclick beforeactivate beforecopy beforecut beforedeactivate "
        b"beforeeditfocus beforeinput beforematch beforepaste beforeprint beforescriptexecute beforetoggle "
        b"beforeunload begin blur bounce cancel canplay canplaythrough cellchange change click close command "
        b"contextmenu controlselect copy cuechange cut dataavailable datasetchanged datasetcomplete dblclick "
        b"deactivate drag dragdrop dragend dragenter dragexit dragleave dragover dragstart drop durationchange "
        b"emptied end ended error errorupdate filterchange finish focus focusin focusout formdata "
        b"fullscreenchange fullscreenerror gotpointercapture hashchange help input invalid keydown keypress "
        b"keyup languagechange layoutcomplete load loadeddata loadedmetadata loadend loadstart location "
        b"losecapture lostpointercapture message messageerror mousedown mouseenter mouseleave mousemove "
        b"mouseout mouseover mouseup mousewheel move moveend movestart offline online pagehide pagereveal "
        b"pageshow pageswap paste pause play playing pointercancel pointerdown pointerenter pointerleave "
        b"pointermove pointerout pointerover pointerrawupdate pointerup popstate progress propertychange "
        b"ratechange readystatechange redo rejectionhandled repeat reset resize resizeend resizestart resume "
        b"rowdelete rowenter rowexit rowinserted scroll scrollend scrollsnapchange scrollsnapchanging search "
        b"securitypolicyviolation seek seeked seeking select selectionchange selectstart show slotchange "
        b"stalled start stop storage submit suspend syncrestored timeerror timeupdate toggle touchcancel "
        b"touchend touchmove touchstart trackchange transitioncancel transitionend transitionrun "
        b"transitionstart undo unhandledrejection unload urlflip volumechange waiting webkitanimationend "
        b"webkitanimationiteration webkitanimationstart webkitfullscreenchange webkitmouseforcechanged "
        b"webkitmouseforcedown webkitmouseforceup webkitplaybacktargetavailabilitychanged "
        b"webkitpresentationmodechanged webkittransitionend webkitwillrevealbottom wheel zoom"
    ).split()
])

# what a script calls to be seen or heard
cdef frozenset STRONG = frozenset(
    b"alert confirm prompt eval settimeout setinterval setimmediate execscript write writeln fromcharcode atob".split()
)
# what a value begins with that is a script by itself
cdef frozenset OPENING = frozenset(b"alert confirm prompt eval settimeout setinterval setimmediate execscript".split())
cdef frozenset CALLS = STRONG | frozenset(
    b"print function fetch import constructor open appendchild createelement getelementbyid queryselector jquery ajax "
    b"getjson getscript xmlhttprequest postmessage sendbeacon requestanimationframe call apply bind importscripts "
    b"tostring valueof find map foreach filter $ msgbox".split()
)
cdef frozenset GLOBALS = frozenset(b"window self top parent frames this globalthis document opener content".split())
cdef frozenset OBJECTS = frozenset(b"document window location localstorage sessionstorage globalthis navigator".split())
cdef frozenset TARGETS = frozenset(
    b"location innerhtml outerhtml href src onerror onload tostring valueof cookie".split()
)
cdef frozenset PREFIXES = frozenset(b"void new typeof delete await throw return in instanceof if with do".split())

# what templates have no business with
cdef tuple REACHES = tuple(
    b"__proto__ __class__ __globals__ __import__ __builtins__ $eval $on. _self.env getclass( java.lang .popen( "
    b"mainmodule child_process".split()
)
